import { buttonsOf, controlsOf, unitOf } from "../device/attributes.js";
import { makeControl } from "../device/control_kinds.js";
import { nameOf } from "../device/metrics.js";
import { make } from "../shell/dom.js";

/** @import { Control } from "../device/control.js" */
/** @import { Value } from "../live/protocol.d.ts" */
/** @import { WidgetDevice, WidgetSpec } from "./widget.js" */

/** Controls of a device. */
export class ControlWidget {
  /** @type {Map<string, Control>} by metric */
  #controls = new Map();
  element = make("div", "controls");

  /** @param {WidgetSpec} spec @param {WidgetDevice} device */
  constructor({ device, metrics }, { attributes, aliases, send, disabled }) {
    const offered = [...controlsOf(attributes), ...buttonsOf(attributes)];
    for (const name of metrics) {
      const spec = offered.find(({ arg }) => arg === name);
      if (!spec) continue;
      const sendToDevice = (/** @type {string} */ command, /** @type {Record<string, unknown>} */ args) =>
        send(device, command, args);
      const control = makeControl(spec, { send: sendToDevice, disabled, unit: unitOf(attributes, name) });
      this.#controls.set(nameOf(aliases, name), control);
      this.element.append(control.element);
    }
  }

  /** @param {string} metric @param {Value} value */
  setValue(metric, value) {
    this.#controls.get(metric)?.setValue(value);
  }

  add() {}

  reload() {}
}
