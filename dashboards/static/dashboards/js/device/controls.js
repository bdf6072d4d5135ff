// Switches, sliders, choices and buttons: what the device offers, what it really has, and what became of a command.

import { clone, setText } from "../shell/dom.js";
import { brief, NumberFormat } from "../shell/format.js";
import { titleOf } from "./metrics.js";

/** After a success the device reports its new value; if it doesn't, the control goes back to what it last said. */
const SETTLE_MS = 3_000;
const PRAISE_MS = 4_000;

const OUTCOMES = {
  succeeded: () => "Done",
  failed: ({ error }) => `Refused: ${error || "the device gave no reason"}`,
  timed_out: () => "No answer in time",
  refused: ({ error }) => error,
  unknown: ({ error }) => error,
};

/** What all controls share: sending, and the line that says what came of it. */
class Control {
  #clear;
  value; // what the device last said
  pending = false;

  constructor(template, spec, { send, unit = "", label, disabled = "" }) {
    this.spec = spec;
    this.parts = clone(template);
    this.unit = unit;
    this.send = send;
    this.disabled = disabled;
    setText(this.parts.label, label ?? titleOf(spec.arg ?? spec.name));
    this.parts.label.title = this.parts.label.textContent;
    if (disabled) this.#explain(disabled);
  }

  get element() {
    return this.parts.root;
  }

  /** Takes the device's real value. */
  report(value) {
    this.value = value;
    if (!this.pending) this.show(value);
  }

  async ask(name, args, wanted) {
    if (this.pending) return;
    this.pending = true;
    this.show(wanted);
    this.#say("pending", "Sent, waiting for the device…");
    const outcome = await this.send(name, args);
    this.pending = false;
    this.#say(outcome.status, (OUTCOMES[outcome.status] ?? brief)(outcome), outcome);
    if (outcome.status !== "succeeded") this.show(this.value);
    else setTimeout(() => this.pending || this.show(this.value), SETTLE_MS);
  }

  #explain(reason) {
    for (const input of this.parts.root.querySelectorAll("button, input, select")) input.disabled = true;
    this.parts.root.title = reason;
    this.parts.root.classList.add("control-disabled");
  }

  #say(state, text, outcome) {
    clearTimeout(this.#clear);
    const { root, outcome: line } = this.parts;
    root.dataset.state = state;
    root.toggleAttribute("aria-busy", state === "pending");
    const answer = state === "succeeded" && this.answerWorthShowing ? brief(outcome.result) : "";
    setText(line, answer ? `${text}: ${answer}` : text);
    line.title = line.textContent;
    if (state === "succeeded")
      this.#clear = setTimeout(() => {
        delete root.dataset.state;
        setText(line, "");
      }, PRAISE_MS);
  }
}

class Switch extends Control {
  constructor(spec, options) {
    super("control-switch", spec, options);
    this.parts.input.setAttribute("aria-label", this.parts.label.textContent);
    this.parts.input.addEventListener("click", () => this.#toggle());
  }

  #toggle() {
    const wanted = this.parts.input.getAttribute("aria-checked") !== "true";
    this.ask("set", { [this.spec.arg]: wanted }, wanted);
  }

  show(value) {
    this.parts.input.setAttribute("aria-checked", String(value === true));
  }
}

class Slider extends Control {
  #held = false;
  #numbers = new NumberFormat();

  constructor(spec, options) {
    super("control-slider", spec, options);
    const { input } = this.parts;
    Object.assign(input, { min: spec.min, max: spec.max, step: spec.step });
    input.setAttribute("aria-label", this.parts.label.textContent);
    input.addEventListener("input", () => {
      this.#held = true;
      this.#paint(input.valueAsNumber);
    });
    input.addEventListener("change", () => this.#release());
    input.addEventListener("blur", () => {
      this.#held = false;
    });
    this.show(undefined);
  }

  #release() {
    this.#held = false;
    const wanted = this.parts.input.valueAsNumber;
    this.ask("set", { [this.spec.arg]: wanted }, wanted);
  }

  show(value) {
    if (this.#held) return; // never out from under the finger
    const known = typeof value === "number";
    if (known) this.parts.input.value = value;
    this.#paint(known ? value : undefined);
  }

  #paint(value) {
    const { min, max } = this.spec;
    const share = value === undefined ? 0 : Math.min(1, Math.max(0, (value - min) / (max - min)));
    this.parts.input.style.setProperty("--share", `${share * 100}%`);
    const text = value === undefined ? "–" : this.#numbers.format(value);
    setText(this.parts.state, text);
    setText(this.parts.unit, this.unit);
    this.parts.input.setAttribute("aria-valuetext", `${text} ${this.unit}`);
  }
}

class Choice extends Control {
  constructor(spec, options) {
    super("control-choice", spec, options);
    this.parts.input.setAttribute("aria-label", this.parts.label.textContent);
    for (const choice of spec.choices) this.parts.input.append(this.#button(choice));
  }

  #button(choice) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = choice;
    button.dataset.choice = choice;
    button.disabled = Boolean(this.disabled);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => this.ask("set", { [this.spec.arg]: choice }, choice));
    return button;
  }

  show(value) {
    for (const button of this.parts.input.children) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === String(value)));
    }
  }
}

class Button extends Control {
  answerWorthShowing = true;

  constructor(spec, options) {
    super("control-button", spec, { ...options, label: spec.label });
    this.parts.input.addEventListener("click", () => this.ask(spec.name, {}));
  }

  show() {}
}

const KINDS = { switch: Switch, slider: Slider, choice: Choice, button: Button };

/** The control for `spec`; `send(name, args)` resolves with the outcome. `disabled` is the reason, or empty. */
export function makeControl(spec, options) {
  return new KINDS[spec.kind](spec, options);
}
