// One complete chart line: history and live points joined without a gap.

import { now } from "../live/hub_clock.js";
import { fetchReadings } from "./readings_api.js";
import { Series } from "./series.js";

/** @import { Point } from "../live/protocol.d.ts" */
/** @import { ReadingColumns } from "./series.js" */

/** How far past the present the window goes, for devices whose clock is fast. */
const AHEAD_MS = 300_000;
const TRY_AGAIN_MS = 5_000;

/**
 * The page calls `reload` whenever it has been subscribed: the answer contains what was stored before it was read, and
 * later readings are pushed. Points that are pushed in between are kept and merged, and may be in both. An earlier
 * `reload` draws the line while the live connection is still being established.
 */
export class LiveSeries {
  /** @type {Point[] | null} points that were pushed while an answer is awaited */
  #pending = null;
  /** @type {AbortController | null} */
  #abort = null;
  /** @type {any} */
  #retryTimer;

  /**
   * @param {string} uid
   * @param {string} metric
   * @param {{windowMs: number, points: number, changed: () => void}} options
   */
  constructor(uid, metric, { windowMs, points, changed }) {
    this.uid = uid;
    this.metric = metric;
    this.windowMs = windowMs;
    this.points = points;
    this.changed = changed;
    this.series = new Series(windowMs, points);
    this.loaded = false;
    this.failed = false;
  }

  /** Shows another window. @param {number} windowMs */
  show(windowMs) {
    this.windowMs = windowMs;
    this.loaded = false;
    return this.reload();
  }

  /** Loads the window again: at first, after a reconnect, for another window. Shows the old line until then. */
  async reload() {
    this.close();
    const abort = new AbortController();
    /** @type {Point[]} */
    const pending = [];
    this.#abort = abort;
    this.#pending = pending;
    const end = now() + AHEAD_MS;
    const window = { start: now() - this.windowMs * 1.02, end, points: this.points, signal: abort.signal };
    try {
      const columns = await fetchReadings(this.uid, this.metric, window);
      if (this.#abort === abort) this.#merge(columns ?? {}, pending);
    } catch {
      if (this.#abort === abort) this.#handleFailure();
    }
  }

  /** Adds live points. @param {Point[]} points */
  add(points) {
    for (const [time, value] of points) {
      this.#pending?.push([time, value]);
      this.series.add(time, value);
    }
    this.series.trim(now() - this.windowMs); // a line that is not on the screen is not drawn, but still grows
    this.changed();
  }

  /** The points to draw now. */
  drawable() {
    this.series.trim(now() - this.windowMs);
    return this.series.drawable();
  }

  /** Whether the window contains no points. */
  isEmpty() {
    const { latest } = this.series;
    return !latest || latest[0] < now() - this.windowMs;
  }

  close() {
    clearTimeout(this.#retryTimer);
    this.#abort?.abort();
    this.#abort = null;
    this.#pending = null;
  }

  /** @param {ReadingColumns} columns @param {Point[]} pending */
  #merge(columns, pending) {
    const series = new Series(this.windowMs, this.points);
    series.load(columns);
    for (const [time, value] of pending) series.add(time, value, true);
    this.series = series;
    this.#pending = null;
    this.#abort = null;
    this.loaded = true;
    this.failed = false;
    this.changed();
  }

  #handleFailure() {
    this.failed = true;
    this.#retryTimer = setTimeout(() => this.reload(), TRY_AGAIN_MS);
    this.changed();
  }
}
