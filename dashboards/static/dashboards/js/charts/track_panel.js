// The track of a device: its positions over the chosen window, joined from two metrics.

import { clone, setText } from "../shell/dom.js";
import { span } from "../shell/format.js";
import { inNextFrame, whileVisible } from "../shell/frame.js";
import { LiveSeries } from "./live_series.js";
import { Track } from "./track.js";

/** Enough for an hour at a position a second: the mean of several would cut the corners. */
const POINTS = 4_000;
const LONGEST_MS = 3_600_000;
/** A latitude and a longitude further apart than this belong to two positions. */
const APART_MS = 2_000;

export class TrackPanel {
  #opened = false;
  #draw = () => this.#drawNow();

  /** `position`: `{latitude, longitude}`, names of metrics. */
  constructor(uid, position, windowMs, { template = "track-panel" } = {}) {
    this.position = position;
    this.windowMs = Math.min(windowMs, LONGEST_MS);
    this.parts = clone(template);
    const options = { windowMs: this.windowMs, points: POINTS, changed: () => inNextFrame(this.#draw) };
    this.latitudes = new LiveSeries(uid, position.latitude, options);
    this.longitudes = new LiveSeries(uid, position.longitude, options);
    this.track = new Track(this.parts.canvas, () => joinPositions(this.latitudes.drawn(), this.longitudes.drawn()));
    whileVisible(this.parts.root, (visible) => visible && this.#open());
  }

  get element() {
    return this.parts.root;
  }

  /** Takes a device's telemetry, `{metric: [[MS, value], …]}`. */
  add(columns) {
    this.latitudes.add(columns[this.position.latitude] ?? []);
    this.longitudes.add(columns[this.position.longitude] ?? []);
    const heading = columns.heading?.at(-1)[1];
    if (typeof heading === "number") this.track.heading = heading;
  }

  reload() {
    if (this.#opened) for (const line of [this.latitudes, this.longitudes]) line.reload();
  }

  /** Shows another window, but an hour at most. */
  show(windowMs) {
    const shown = Math.min(windowMs, LONGEST_MS);
    if (shown === this.windowMs) return;
    this.windowMs = shown;
    for (const line of [this.latitudes, this.longitudes]) this.#opened ? line.show(shown) : (line.windowMs = shown);
  }

  #open() {
    if (this.#opened) return;
    this.#opened = true;
    this.reload();
  }

  #drawNow() {
    const [latitude, longitude] = [this.latitudes.series.latest?.[1], this.longitudes.series.latest?.[1]];
    const known = latitude !== undefined && longitude !== undefined;
    if (this.parts.span) setText(this.parts.span, `last ${span(this.windowMs)}`);
    setText(this.parts.where, known ? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}` : "");
    this.track.redraw();
  }
}

/** `[[MS, latitude, longitude], …]` of two lines whose points pair up by time, `null` where the track breaks. */
export function joinPositions([latTimes, latitudes], [lonTimes, longitudes]) {
  const joined = [];
  let j = 0;
  for (let i = 0; i < latTimes.length; i++) {
    if (latitudes[i] === null) {
      joined.push(null);
      continue;
    }
    while (j + 1 < lonTimes.length && Math.abs(lonTimes[j + 1] - latTimes[i]) <= Math.abs(lonTimes[j] - latTimes[i]))
      j++;
    const near = j < lonTimes.length && Math.abs(lonTimes[j] - latTimes[i]) <= APART_MS;
    if (near && longitudes[j] !== null) joined.push([latTimes[i], latitudes[i], longitudes[j]]);
  }
  return joined;
}
