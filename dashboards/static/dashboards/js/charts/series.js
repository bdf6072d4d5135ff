// The points of one chart line: history and live points, merged by time. Pure.

/** @import { Value } from "../live/protocol.d.ts" */

/**
 * Readings as the HTTP API sends them: raw values in `v`, or buckets.
 *
 * @typedef {object} ReadingColumns
 * @property {string} [resolution]
 * @property {number[]} [t]
 * @property {Value[]} [v]
 * @property {number[]} [mean]
 * @property {number[]} [min]
 * @property {number[]} [max]
 * @property {number[]} [count]
 */
/**
 * Columns to draw, oldest first, `null` where the line breaks; lows and highs are empty for raw points.
 *
 * @typedef {[times: number[], values: (number | null)[], lows: (number | null)[], highs: (number | null)[]]} Drawable
 */

/** @typedef {[value: number, low: number, high: number, count: number]} Bucket */

/** The longest line that is kept as raw points; a longer one is folded into buckets, which keep every peak. */
export const RAW_LIMIT = 4_000;

/**
 * Raw points have `width` 0 and only `times` and `values`. Buckets have a `width` in milliseconds, their start in
 * `times`, their mean in `values`, and `lows`, `highs` and `counts`. Times ascend strictly.
 */
export class Series {
  /** @type {number[]} */
  times = [];
  /** @type {number[]} */
  values = [];
  /** @type {number[]} */
  lows = [];
  /** @type {number[]} */
  highs = [];
  /** @type {number[]} */
  counts = [];
  width = 0;
  /** @type {[ms: number, value: number] | null} the newest point */
  latest = null;
  /** @type {{start: number, bucket: Bucket | null} | null} the bucket of the newest point as it was without it */
  #without = null;

  /**
   * @param {number} windowMs  the span that is shown
   * @param {number} points  a line that grows too long is folded into about this many buckets of the window
   */
  constructor(windowMs, points) {
    this.windowMs = windowMs;
    this.points = points;
  }

  /** Replaces all points. Texts are left out, as no scale has a place for them. @param {ReadingColumns} columns */
  load({ resolution = "", t = [], v, mean, min = [], max = [], count = [] }) {
    this.#clear(v ? 0 : parseFloat(resolution) * 1000 || 0);
    if (v) {
      for (const [i, time] of t.entries()) this.add(time, v[i]);
    } else if (mean) {
      this.times = [...t];
      this.values = [...mean];
      this.lows = [...min];
      this.highs = [...max];
      this.counts = [...count];
      if (t.length) this.latest = [t[t.length - 1], mean[mean.length - 1]];
    }
  }

  /**
   * Adds a live point. Of two points with one time the later one stays; in a bucket that holds for the newest point
   * only. `mayBeKnown` means that history may contain the point: a bucket then includes its peak, which is harmless twice, but does not count it.
   *
   * @param {number} time
   * @param {Value} value
   */
  add(time, value, mayBeKnown = false) {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) return;
    if (time === this.latest?.[0]) this.#removeNewest();
    if (!this.latest || time >= this.latest[0]) this.latest = [time, number];
    if (this.width) this.#addToBucket(time, number, mayBeKnown);
    else this.#insert(time, number);
  }

  /**
   * Forgets points before `start`, except the last of them: the line must come in from the edge.
   *
   * @param {number} start
   */
  trim(start) {
    const first = this.#position(start) - 1;
    // Cutting from the front moves everything, so not for a handful of points.
    if (first < 64 && first < this.times.length / 2) return;
    for (const column of this.#columns()) column.splice(0, first);
  }

  /** @returns {Drawable} */
  drawable() {
    const gap = this.#gap();
    /** @type {Drawable} */
    const columns = [[], [], [], []];
    for (const [i, time] of this.times.entries()) {
      const before = this.times[i - 1];
      if (i && time - before > gap) this.#append(columns, before + gap / 2, null, null, null);
      this.#append(columns, time, this.values[i], this.lows[i], this.highs[i]);
    }
    // The last bucket is drawn at its start; the line goes on to the present value.
    if (this.width && this.latest && this.latest[0] > this.times[this.times.length - 1]) {
      const [time, value] = this.latest;
      this.#append(columns, time, value, value, value);
    }
    return columns;
  }

  /**
   * @param {Drawable} columns
   * @param {number} time
   * @param {number | null} value
   * @param {number | null} low
   * @param {number | null} high
   */
  #append([times, values, lows, highs], time, value, low, high) {
    times.push(time);
    values.push(value);
    if (!this.width) return;
    lows.push(low);
    highs.push(high);
  }

  /** @param {number} width */
  #clear(width) {
    this.width = width;
    for (const column of this.#columns()) column.length = 0;
    this.latest = null;
    this.#without = null;
  }

  #columns() {
    return this.width ? [this.times, this.values, this.lows, this.highs, this.counts] : [this.times, this.values];
  }

  /** The index of the first point that is not before `time`. @param {number} time */
  #position(time) {
    let low = 0;
    let high = this.times.length;
    if (!high || this.times[high - 1] < time) return high; // the usual case: it belongs at the end
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} time @param {number} value */
  #insert(time, value) {
    const at = this.#position(time);
    if (this.times[at] === time) {
      this.values[at] = value;
      return;
    }
    this.times.splice(at, 0, time);
    this.values.splice(at, 0, value);
    if (this.times.length > RAW_LIMIT) this.#foldIntoBuckets();
  }

  /** @param {number} time @param {number} value @param {boolean} mayBeKnown */
  #addToBucket(time, value, mayBeKnown) {
    const start = Math.floor(time / this.width) * this.width;
    const at = this.#position(start);
    const isNew = this.times[at] !== start;
    if (!mayBeKnown && time === this.latest?.[0])
      this.#without = {
        start,
        bucket: isNew ? null : [this.values[at], this.lows[at], this.highs[at], this.counts[at]],
      };
    if (isNew) {
      this.times.splice(at, 0, start);
      this.values.splice(at, 0, value);
      this.lows.splice(at, 0, value);
      this.highs.splice(at, 0, value);
      this.counts.splice(at, 0, 1);
      return;
    }
    this.lows[at] = Math.min(this.lows[at], value);
    this.highs[at] = Math.max(this.highs[at], value);
    if (mayBeKnown) return;
    this.counts[at] += 1;
    this.values[at] += (value - this.values[at]) / this.counts[at];
  }

  /** Takes the newest point out of its bucket: another value has replaced it. */
  #removeNewest() {
    if (!this.#without) return;
    const { start, bucket } = this.#without;
    this.#without = null;
    const at = this.#position(start);
    if (this.times[at] !== start) return; // trimmed away
    if (bucket) [this.values[at], this.lows[at], this.highs[at], this.counts[at]] = bucket;
    else for (const column of this.#columns()) column.splice(at, 1);
  }

  #foldIntoBuckets() {
    const { times, values, latest } = this;
    this.times = [];
    this.values = [];
    this.#clear(Math.max(1, Math.ceil(this.windowMs / this.points / 1000)) * 1000);
    for (const [i, time] of times.entries()) this.#addToBucket(time, values[i], false);
    this.latest = latest;
  }

  /** The pause in milliseconds after which the line breaks: much longer than the usual one. */
  #gap() {
    const steps = [];
    for (let i = Math.max(1, this.times.length - 200); i < this.times.length; i++)
      steps.push(this.times[i] - this.times[i - 1]);
    steps.sort((a, b) => a - b);
    const usual = steps[steps.length >> 1] ?? 0;
    return Math.max(6 * usual, 4 * this.width, 5_000);
  }
}

/**
 * Indices of the values that no line reaches. `null` breaks a line; `undefined` belongs to another line only.
 *
 * @param {ArrayLike<number | null | undefined>} values
 */
export function isolatedIndices(values) {
  /** @type {number[][]} */
  const runs = [[]];
  for (const [i, value] of Array.from(values).entries()) {
    if (value === null) runs.push([]);
    else if (value !== undefined) runs[runs.length - 1].push(i);
  }
  return runs.filter((run) => run.length === 1).flat();
}
