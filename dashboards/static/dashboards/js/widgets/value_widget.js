import { LiveSeries } from "../charts/live_series.js";
import { Sparkline } from "../charts/sparkline.js";
import { whileVisible } from "../shell/visibility.js";
import { NumberWidget } from "./number_widget.js";
import { windowOf } from "./widget.js";

/** @import { PointsByMetric } from "../live/protocol.d.ts" */
/** @import { WidgetDevice, WidgetSpec } from "./widget.js" */

const POINTS = 160;

/** One value, with a line of the last minutes. */
export class ValueWidget extends NumberWidget {
  #isOpen = false;
  #series;

  /** @param {WidgetSpec} spec @param {WidgetDevice} device */
  constructor(spec, device) {
    super("widget-value", spec, device);
    const windowMs = windowOf(spec.options);
    const stepped = typeof device.latest[this.metric]?.[1] === "boolean";
    const line = { hue: this.hue, windowMs, stepped, drawable: () => this.#series.drawable() };
    const changed = () => sparkline.redraw();
    this.#series = new LiveSeries(spec.device, this.metric, { windowMs, points: POINTS, changed });
    const sparkline = new Sparkline(this.parts.sparkline, line);
    whileVisible(this.element, (isVisible) => isVisible && this.#open());
  }

  /** @override @param {PointsByMetric} points */
  add(points) {
    if (points[this.metric]) this.#series.add(points[this.metric]);
  }

  /** @override */
  reload() {
    if (this.#isOpen) this.#series.reload();
  }

  #open() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#series.reload();
  }
}
