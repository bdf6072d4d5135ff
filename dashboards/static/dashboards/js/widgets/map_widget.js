import { TrackPanel } from "../charts/track_panel.js";
import { positionOf } from "../device/metrics.js";
import { windowOf } from "./widget.js";

/** @import { PointsByMetric } from "../live/protocol.d.ts" */
/** @import { WidgetSpec } from "./widget.js" */

/** The track of a device. */
export class MapWidget {
  #panel;

  /** @param {WidgetSpec} spec */
  constructor({ device, metrics, options }) {
    const position = positionOf(metrics) ?? { latitude: "", longitude: "" };
    this.#panel = new TrackPanel(device, position, windowOf(options), { template: "widget-map" });
    this.element = this.#panel.element;
  }

  setValue() {}

  /** @param {PointsByMetric} points */
  add(points) {
    this.#panel.add(points);
  }

  reload() {
    this.#panel.reload();
  }
}
