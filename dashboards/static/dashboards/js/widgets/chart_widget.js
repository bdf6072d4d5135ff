import { ChartPanel } from "../charts/chart_panel.js";
import { unitOf, wordsOf } from "../device/attributes.js";
import { windowOf } from "./widget.js";

/** @import { PointsByMetric, Value } from "../live/protocol.d.ts" */
/** @import { WidgetDevice, WidgetSpec } from "./widget.js" */

/** A chart of one or more metrics. */
export class ChartWidget {
  #panel;

  /** @param {WidgetSpec} spec @param {WidgetDevice} device */
  constructor({ device, metrics, options, title }, { attributes, latest }) {
    const lines = metrics.map((metric, i) => ({
      metric,
      unit: unitOf(attributes, metric),
      boolean: typeof latest[metric]?.[1] === "boolean",
      words: wordsOf(attributes, metric),
      hue: options.hues?.[i],
    }));
    const windowMs = windowOf(options);
    this.#panel = new ChartPanel(device, lines, { title, windowMs, sync: "dashboard", template: "widget-chart" });
    this.element = this.#panel.element;
  }

  /** @param {string} metric @param {Value} value */
  setValue(metric, value) {
    this.#panel.setValue(metric, value);
  }

  /** @param {PointsByMetric} points */
  add(points) {
    for (const [metric, added] of Object.entries(points)) this.#panel.add(metric, added);
  }

  reload() {
    this.#panel.reload();
  }
}
