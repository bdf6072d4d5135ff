// The hint at metrics whose texts look like numbers: as texts they have no chart.

import { find, setText } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";
import { changeMetric } from "./device_api.js";
import { numberIn } from "./text_values.js";

/** @import { Latest } from "../live/protocol.d.ts" */

const NAMED = 3;

/** The metrics whose newest value is a text that looks like a number. @param {Latest} latest */
export function numericTexts(latest) {
  return Object.keys(latest).filter(
    (name) => typeof latest[name][1] === "string" && numberIn(latest[name][1]) !== null,
  );
}

export class TextHint {
  #element;
  #uid;
  /** @type {string[]} */
  #names = [];
  /** @type {Set<string>} metrics that are read as numbers from now on: the next reading is one */
  #changed = new Set();

  /** @param {HTMLElement} element  hidden while there is nothing to say @param {string} uid */
  constructor(element, uid) {
    this.#element = element;
    this.#uid = uid;
    const button = element.querySelector("button");
    button?.addEventListener("click", () => this.#readAsNumbers(button));
  }

  /** @param {Latest} latest */
  show(latest) {
    this.#names = numericTexts(latest).filter((name) => !this.#changed.has(name));
    this.#element.hidden = !this.#names.length;
    const rest = this.#names.length - NAMED;
    const named = this.#names.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
    const text =
      this.#names.length === 1
        ? "sends a number as text, which has no chart."
        : "are numbers sent as text, which have no chart.";
    setText(find(this.#element, "text-hint-names"), named);
    setText(find(this.#element, "text-hint-text"), text);
  }

  /** @param {HTMLButtonElement} button */
  async #readAsNumbers(button) {
    button.disabled = true;
    try {
      for (const name of this.#names) {
        await changeMetric(this.#uid, name, { read_as: "number" });
        this.#changed.add(name);
      }
      this.#element.hidden = true;
    } catch (error) {
      setText(find(this.#element, "text-hint-text"), messageOf(error));
    }
    button.disabled = false;
  }
}
