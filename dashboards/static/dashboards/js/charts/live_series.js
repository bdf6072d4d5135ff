// One chart line that is complete: history and live tail joined without a hole.

import { fetchReadings } from "../device/device_api.js";
import { now } from "../live/clock.js";
import { Series } from "./series.js";

/** What is asked for past the present moment, for devices whose clock runs ahead. */
const AHEAD_MS = 300_000;
const TRY_AGAIN_MS = 5_000;

/**
 * The page calls `reload` whenever it has been subscribed: what was stored until the answer was read is in the answer,
 * and what was stored later is pushed. What is pushed in between is kept and merged, and may be in both. An earlier
 * `reload` draws the line while the live connection is still being made.
 */
export class LiveSeries {
  #pending = null; // points that were pushed while an answer is awaited
  #abort = null;
  #retry;

  constructor(uid, metric, { windowMs, points, changed }) {
    Object.assign(this, { uid, metric, windowMs, points, changed });
    this.series = new Series(windowMs, points);
    this.loaded = false;
    this.failed = false;
  }

  show(windowMs) {
    this.windowMs = windowMs;
    this.loaded = false;
    return this.reload();
  }

  /** Asks for the window again: at first, after a reconnect, for another window. Shows the old line until then. */
  async reload() {
    this.close();
    const abort = (this.#abort = new AbortController());
    const pending = (this.#pending = []);
    const end = now() + AHEAD_MS;
    const window = { start: now() - this.windowMs * 1.02, end, points: this.points, signal: abort.signal };
    try {
      const columns = await fetchReadings(this.uid, this.metric, window);
      if (this.#abort === abort) this.#take(columns ?? {}, pending);
    } catch {
      if (this.#abort === abort) this.#failed();
    }
  }

  /** Takes live points, `[[MS, value], …]`. */
  add(points) {
    for (const [time, value] of points) {
      this.#pending?.push([time, value]);
      this.series.add(time, value);
    }
    this.series.trim(now() - this.windowMs); // also of a line that nobody looks at, and that is not drawn
    this.changed();
  }

  /** Points to draw now, oldest first; see `Series.drawn`. */
  drawn() {
    this.series.trim(now() - this.windowMs);
    return this.series.drawn();
  }

  /** Whether nothing lies in the window. */
  isEmpty() {
    const { latest } = this.series;
    return !latest || latest[0] < now() - this.windowMs;
  }

  close() {
    clearTimeout(this.#retry);
    this.#abort?.abort();
    this.#abort = null;
    this.#pending = null;
  }

  #take(columns, pending) {
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

  #failed() {
    this.failed = true;
    this.#retry = setTimeout(() => this.reload(), TRY_AGAIN_MS);
    this.changed();
  }
}
