// The controls that a device offers.

import { find } from "../shell/dom.js";
import { buttonsOf, controlsOf, unitOf } from "./attributes.js";
import { makeControl } from "./control_kinds.js";
import { nameOf } from "./metrics.js";

/** @import { Aliases, Attributes, Latest, Value } from "../live/protocol.d.ts" */
/** @import { Control, ControlOptions } from "./control.js" */

export class DeviceControls {
  #root;
  #options;
  #shown = "";
  /** @type {Map<string, Control>} by metric */
  #controls = new Map();

  /** @param {ParentNode} root @param {ControlOptions} options */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
  }

  /**
   * Shows the controls of these attributes, with the newest values.
   *
   * @param {Attributes} attributes
   * @param {Latest} latest
   * @param {Aliases} aliases
   */
  show(attributes, latest, aliases) {
    const specs = [...controlsOf(attributes), ...buttonsOf(attributes)];
    const shown = JSON.stringify([specs, aliases]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#controls.clear();
    const elements = specs.map((spec) => {
      const control = makeControl(spec, { ...this.#options, unit: unitOf(attributes, spec.arg) });
      if (spec.kind !== "button") {
        const metric = nameOf(aliases, spec.arg);
        this.#controls.set(metric, control);
        control.setValue(latest[metric]?.[1]);
      }
      return control.element;
    });
    find(this.#root, "controls").replaceChildren(...elements);
    find(this.#root, "controls-panel").hidden = !elements.length;
  }

  /** @param {string} metric @param {Value} value */
  setValue(metric, value) {
    this.#controls.get(metric)?.setValue(value);
  }
}
