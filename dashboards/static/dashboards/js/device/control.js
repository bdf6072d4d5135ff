// What all controls of a device share: sending a command, and the line that shows what became of it.

import { clone, selectAll, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { brief } from "../shell/numbers.js";
import { outcomeText } from "./status_labels.js";

/** @import { Value } from "../live/protocol.d.ts" */
/** @import { ControlSpec } from "./attributes.js" */
/** @import { Outcome } from "./command_sender.js" */

/**
 * @typedef {object} ControlOptions
 * @property {(name: string, args: Record<string, unknown>) => Promise<Outcome>} send
 * @property {string} [unit]
 * @property {string} [disabled]  why this person may not use the control, or ""
 */

/** After a success the device reports its new value; if it doesn't, the control returns to the last reported one. */
const SETTLE_MS = 3_000;
const SUCCESS_SHOWN_MS = 4_000;

export class Control {
  /** @type {any} */
  #timer;
  #send;
  /** @type {Value | undefined} what the device last reported */
  #value;
  #isPending = false;

  /** @param {string} template @param {ControlSpec} spec @param {ControlOptions} options @param {string} [label] */
  constructor(template, spec, { send, unit = "", disabled = "" }, label) {
    this.parts = clone(template);
    this.unit = unit;
    this.#send = send;
    setText(this.parts.label, label ?? titleOf(spec.arg));
    this.parts.label.title = this.parts.label.textContent;
    this.disabled = disabled;
    if (disabled) this.#disable(disabled);
  }

  /** @returns {HTMLElement} */
  get element() {
    return this.parts.root;
  }

  /** Shows the value that the device reports. @param {Value | undefined} value */
  setValue(value) {
    this.#value = value;
    if (!this.#isPending) this.show(value);
  }

  /** Draws a value; each kind of control has its own way. @param {Value | undefined} _value */
  show(_value) {}

  /** Whether the answer of the device is shown. */
  get showsAnswer() {
    return false;
  }

  /**
   * Sends a command; until the device answers, `wanted` is shown.
   *
   * @param {string} name
   * @param {Record<string, unknown>} args
   * @param {Value} [wanted]
   */
  async command(name, args, wanted) {
    if (this.#isPending) return;
    this.#isPending = true;
    this.show(wanted);
    this.#showState("pending", "Sent, waiting for the device…");
    const outcome = await this.#send(name, args);
    this.#isPending = false;
    this.#showOutcome(outcome);
    if (outcome.status !== "succeeded") this.show(this.#value);
    else setTimeout(() => this.#isPending || this.show(this.#value), SETTLE_MS);
  }

  /** @param {string} reason */
  #disable(reason) {
    for (const input of selectAll(this.element, "button, input, select")) input.toggleAttribute("disabled", true);
    this.element.title = reason;
    this.element.classList.add("control-disabled");
  }

  /** @param {Outcome} outcome */
  #showOutcome(outcome) {
    const succeeded = outcome.status === "succeeded";
    const answer = succeeded && this.showsAnswer ? brief(outcome.result) : "";
    const text = outcomeText(outcome);
    this.#showState(outcome.status, answer ? `${text}: ${answer}` : text);
    if (!succeeded) return;
    this.#timer = setTimeout(() => {
      delete this.element.dataset.state;
      setText(this.parts.outcome, "");
    }, SUCCESS_SHOWN_MS);
  }

  /** @param {string} state @param {string} text */
  #showState(state, text) {
    clearTimeout(this.#timer);
    this.element.dataset.state = state;
    this.element.toggleAttribute("aria-busy", state === "pending");
    setText(this.parts.outcome, text);
    this.parts.outcome.title = text;
  }
}
