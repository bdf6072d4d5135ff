import { setText } from "../shell/dom.js";
import { compact } from "../shell/numbers.js";
import { NumberWidget } from "./number_widget.js";

/** @import { WidgetDevice, WidgetSpec } from "./widget.js" */

const DIAL_RADIUS = 80;
/** The length of the dial's arc of 240 degrees. */
const DIAL_LENGTH = (240 / 360) * 2 * Math.PI * DIAL_RADIUS;

/** One value on a dial. */
export class GaugeWidget extends NumberWidget {
  #min;
  #max;

  /** @param {WidgetSpec} spec @param {WidgetDevice} device */
  constructor(spec, device) {
    super("widget-gauge", spec, device);
    const { min = 0, max = 100 } = spec.options;
    this.#min = min;
    this.#max = max;
    this.element.setAttribute("aria-label", spec.title);
    setText(this.parts.min, compact(min));
    setText(this.parts.max, compact(max));
    this.#turn(min);
  }

  /** @override */
  draw() {
    super.draw();
    if (typeof this.value === "number") this.#turn(this.value);
  }

  /** @param {number} value */
  #turn(value) {
    const share = Math.min(1, Math.max(0, (value - this.#min) / (this.#max - this.#min)));
    const { style } = this.parts.arc;
    // An empty dash with a round cap would still be drawn as a dot.
    style.visibility = share > 0 ? "visible" : "hidden";
    style.strokeDasharray = `${share * DIAL_LENGTH} ${2 * DIAL_LENGTH}`;
  }
}
