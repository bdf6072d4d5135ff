// The track of a device over the chosen window.

import { inNextFrame } from "../shell/animation_frames.js";
import { clone, setText } from "../shell/dom.js";
import { span } from "../shell/times.js";
import { whileVisible } from "../shell/visibility.js";
import { LiveSeries } from "./live_series.js";
import { joinPositions } from "./positions.js";
import { TrackMap } from "./track_map.js";

/** @import { PositionMetrics } from "./positions.js" */
/** @import { PointsByMetric } from "../live/protocol.d.ts" */

/** Enough for an hour at a position per second: the mean of several would cut corners. */
const POINTS = 4_000;
const LONGEST_MS = 3_600_000;

export class TrackPanel {
  #isOpen = false;
  #metrics;
  #windowMs;
  #parts;
  #latitudes;
  #longitudes;
  #map;
  #draw = () => this.#drawNow();

  /**
   * @param {string} uid
   * @param {PositionMetrics} metrics
   * @param {number} windowMs
   * @param {{template?: string}} [options]
   */
  constructor(uid, metrics, windowMs, { template = "track-panel" } = {}) {
    this.#metrics = metrics;
    this.#windowMs = Math.min(windowMs, LONGEST_MS);
    this.#parts = clone(template);
    const options = { windowMs: this.#windowMs, points: POINTS, changed: () => inNextFrame(this.#draw) };
    this.#latitudes = new LiveSeries(uid, metrics.latitude, options);
    this.#longitudes = new LiveSeries(uid, metrics.longitude, options);
    const positions = () => joinPositions(this.#latitudes.drawable(), this.#longitudes.drawable());
    this.#map = new TrackMap(this.#parts.canvas, positions);
    whileVisible(this.#parts.root, (isVisible) => isVisible && this.#open());
  }

  /** @returns {HTMLElement} */
  get element() {
    return this.#parts.root;
  }

  /** Adds live telemetry of the device. @param {PointsByMetric} points */
  add(points) {
    this.#latitudes.add(points[this.#metrics.latitude] ?? []);
    this.#longitudes.add(points[this.#metrics.longitude] ?? []);
    const heading = points.heading?.at(-1)?.[1];
    if (typeof heading === "number") this.#map.heading = heading;
  }

  reload() {
    if (this.#isOpen) for (const line of [this.#latitudes, this.#longitudes]) line.reload();
  }

  /** Shows another window, but an hour at most. @param {number} windowMs */
  show(windowMs) {
    const shown = Math.min(windowMs, LONGEST_MS);
    if (shown === this.#windowMs) return;
    this.#windowMs = shown;
    for (const line of [this.#latitudes, this.#longitudes]) {
      if (this.#isOpen) line.show(shown);
      else line.windowMs = shown;
    }
  }

  #open() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.reload();
  }

  #drawNow() {
    const latitude = this.#latitudes.series.latest?.[1];
    const longitude = this.#longitudes.series.latest?.[1];
    const isKnown = latitude !== undefined && longitude !== undefined;
    if (this.#parts.span) setText(this.#parts.span, `last ${span(this.#windowMs)}`);
    setText(this.#parts.where, isKnown ? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}` : "");
    this.#map.redraw();
  }
}
