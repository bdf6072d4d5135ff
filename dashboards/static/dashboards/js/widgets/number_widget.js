import { unitOf, wordsOf } from "../device/attributes.js";
import { hueOfMetric } from "../shell/colours.js";
import { clone, flash, setText } from "../shell/dom.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { textUpdates } from "../shell/throttle.js";

/** @import { PointsByMetric, Value } from "../live/protocol.d.ts" */
/** @import { WidgetDevice, WidgetSpec } from "./widget.js" */

/** One value in large type: what value and gauge widgets have in common. */
export class NumberWidget {
  #attributes;
  #numbers = new NumberFormat();
  #hasChanged = false;
  #draw = () => this.draw();
  /** @type {Value | undefined} */
  value;
  /** @type {string} */
  metric;

  /** @param {string} template @param {WidgetSpec} spec @param {WidgetDevice} device */
  constructor(template, { metrics }, { attributes }) {
    this.metric = metrics[0];
    this.#attributes = attributes;
    this.hue = hueOfMetric(this.metric, unitOf(attributes, this.metric));
    this.parts = clone(template);
    /** @type {HTMLElement} */
    this.element = this.parts.root;
    this.element.classList.add(`hue-${this.hue}`);
  }

  /** @param {string} metric @param {Value} value */
  setValue(metric, value) {
    if (metric !== this.metric) return;
    this.#hasChanged = this.value !== undefined && this.value !== value;
    this.value = value;
    textUpdates.request(this.#draw);
  }

  draw() {
    const { value, parts } = this;
    setText(parts.value, formatValue(value, this.#numbers, wordsOf(this.#attributes, this.metric)));
    setText(parts.unit, typeof value === "number" ? unitOf(this.#attributes, this.metric) : "");
    parts.value.title = String(value);
    if (this.#hasChanged) flash(parts.cell);
    this.#hasChanged = false;
  }

  /** @param {PointsByMetric} _points */
  add(_points) {}

  reload() {}
}
