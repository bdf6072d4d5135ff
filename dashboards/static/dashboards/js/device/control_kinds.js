// The kinds of controls that a device can offer: switches, sliders, choices and buttons.

import { makeButton, setText } from "../shell/dom.js";
import { NumberFormat } from "../shell/numbers.js";
import { Control } from "./control.js";
import { booleanIn, numberIn } from "./text_values.js";

/** @import { Value } from "../live/protocol.d.ts" */
/** @import { ButtonSpec, ChoiceSpec, ControlSpec, SliderSpec, SwitchSpec } from "./attributes.js" */
/** @import { ControlOptions } from "./control.js" */

class SwitchControl extends Control {
  /** @param {SwitchSpec} spec @param {ControlOptions} options */
  constructor(spec, options) {
    super("control-switch", spec, options);
    const { input, label } = this.parts;
    input.setAttribute("aria-label", label.textContent);
    input.addEventListener("click", () => {
      const wanted = input.getAttribute("aria-checked") !== "true";
      this.command("set", { [spec.arg]: wanted }, wanted);
    });
  }

  /** @override @param {Value | undefined} value */
  show(value) {
    this.parts.input.setAttribute("aria-checked", String(booleanIn(value) === true));
  }
}

class SliderControl extends Control {
  #spec;
  #isHeld = false;
  #numbers = new NumberFormat();

  /** @param {SliderSpec} spec @param {ControlOptions} options */
  constructor(spec, options) {
    super("control-slider", spec, options);
    this.#spec = spec;
    /** @type {HTMLInputElement} */
    const input = this.parts.input;
    Object.assign(input, { min: spec.min, max: spec.max, step: spec.step });
    input.setAttribute("aria-label", this.parts.label.textContent);
    input.addEventListener("input", () => {
      this.#isHeld = true;
      this.#draw(input.valueAsNumber);
    });
    input.addEventListener("change", () => {
      this.#isHeld = false;
      this.command("set", { [spec.arg]: input.valueAsNumber }, input.valueAsNumber);
    });
    input.addEventListener("blur", () => {
      this.#isHeld = false;
    });
    this.show(undefined);
  }

  /** @override @param {Value | undefined} value */
  show(value) {
    if (this.#isHeld) return; // the slider never moves under the finger
    const number = numberIn(value);
    if (number !== null) this.parts.input.value = number;
    this.#draw(number ?? undefined);
  }

  /** @param {number | undefined} value */
  #draw(value) {
    const { min, max } = this.#spec;
    const share = value === undefined ? 0 : Math.min(1, Math.max(0, (value - min) / (max - min)));
    this.parts.input.style.setProperty("--share", `${share * 100}%`);
    const text = value === undefined ? "–" : this.#numbers.format(value);
    setText(this.parts.state, text);
    setText(this.parts.unit, this.unit);
    this.parts.input.setAttribute("aria-valuetext", `${text} ${this.unit}`);
  }
}

class ChoiceControl extends Control {
  #spec;

  /** @param {ChoiceSpec} spec @param {ControlOptions} options */
  constructor(spec, options) {
    super("control-choice", spec, options);
    this.#spec = spec;
    this.parts.input.setAttribute("aria-label", this.parts.label.textContent);
    for (const choice of spec.choices) this.parts.input.append(this.#makeChoice(choice));
  }

  /** @param {string} choice */
  #makeChoice(choice) {
    const button = makeButton("", choice, () => this.command("set", { [this.#spec.arg]: choice }, choice));
    button.removeAttribute("class");
    button.dataset.choice = choice;
    button.disabled = Boolean(this.disabled);
    button.setAttribute("aria-pressed", "false");
    return button;
  }

  /** @override @param {Value | undefined} value */
  show(value) {
    for (const button of this.parts.input.children)
      button.setAttribute("aria-pressed", String(button.dataset.choice === String(value)));
  }
}

class ButtonControl extends Control {
  /** @param {ButtonSpec} spec @param {ControlOptions} options */
  constructor(spec, options) {
    super("control-button", spec, options, spec.label);
    this.parts.input.addEventListener("click", () => this.command(spec.arg, {}));
  }

  /** @override */
  get showsAnswer() {
    return true;
  }
}

/**
 * The control for `spec`.
 *
 * @param {ControlSpec} spec
 * @param {ControlOptions} options
 * @returns {Control}
 */
export function makeControl(spec, options) {
  if (spec.kind === "switch") return new SwitchControl(spec, options);
  if (spec.kind === "slider") return new SliderControl(spec, options);
  if (spec.kind === "choice") return new ChoiceControl(spec, options);
  return new ButtonControl(spec, options);
}
