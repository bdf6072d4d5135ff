// The points of one chart line: history and the live tail, merged by time. Pure.

/** Longest line kept as raw points; a busier one is folded into buckets, which keep every peak. */
export const RAW_LIMIT = 4_000;

const asNumber = (value) => (typeof value === "boolean" ? Number(value) : value);

/**
 * Raw points have `width` 0 and only `times` and `values`. Buckets have a `width` in milliseconds, their start in
 * `times`, their mean in `values`, and `lows`, `highs`, `counts` beside them. Times ascend strictly.
 */
export class Series {
  times = [];
  values = [];
  lows = [];
  highs = [];
  counts = [];
  width = 0;
  /** `[MS, value]` of the newest point. */
  latest = null;

  /** `windowMs` is the span shown; a line that grows too long is folded into about `points` buckets of it. */
  constructor(windowMs, points) {
    this.windowMs = windowMs;
    this.points = points;
  }

  /** Replaces everything with the columns of the HTTP API. Texts are left out: they have no place on a scale. */
  load(columns) {
    const { t = [], v, mean, min, max, count } = columns;
    this.#clear(v ? 0 : parseFloat(columns.resolution) * 1000 || 0);
    if (v) {
      for (let i = 0; i < t.length; i++) this.add(t[i], v[i]);
    } else if (mean) {
      this.times = [...t];
      this.values = [...mean];
      this.lows = [...min];
      this.highs = [...max];
      this.counts = [...count];
      if (t.length) this.latest = [t.at(-1), mean.at(-1)];
    }
  }

  /**
   * Adds a live point. A time that is known already is the same reading, delivered twice. `known` says that history
   * may hold the point: a bucket then takes its peak, which does no harm twice, but doesn't count it.
   */
  add(time, value, known = false) {
    const number = asNumber(value);
    if (typeof number !== "number" || !Number.isFinite(number)) return;
    if (!this.latest || time >= this.latest[0]) this.latest = [time, number];
    if (this.width) this.#fold(time, number, known);
    else this.#insert(time, number);
  }

  /** Forgets what is older than `start`, except one point before it: the line must come in from the edge. */
  trim(start) {
    const first = this.#position(start) - 1;
    // Cutting from the front moves everything, so not for a handful of points.
    if (first < 64 && first < this.times.length / 2) return;
    for (const column of this.#columns()) column.splice(0, first);
  }

  /** `[times, values, lows, highs]` to draw, `null` where the line breaks; lows and highs are empty for raw points. */
  drawn() {
    const gap = this.#gap();
    const out = [[], [], [], []];
    for (let i = 0; i < this.times.length; i++) {
      if (i && this.times[i] - this.times[i - 1] > gap) this.#put(out, this.times[i - 1] + gap / 2, null, null, null);
      this.#put(out, this.times[i], this.values[i], this.lows[i], this.highs[i]);
    }
    const end = this.times.at(-1);
    // The last bucket stands at its start; the line goes on to the present value.
    if (this.width && this.latest && this.latest[0] > end)
      this.#put(out, ...this.latest, this.latest[1], this.latest[1]);
    return out;
  }

  #put(out, time, value, low, high) {
    out[0].push(time);
    out[1].push(value);
    if (!this.width) return;
    out[2].push(low);
    out[3].push(high);
  }

  #clear(width) {
    this.width = width;
    for (const column of this.#columns()) column.length = 0;
    this.latest = null;
  }

  #columns() {
    return this.width ? [this.times, this.values, this.lows, this.highs, this.counts] : [this.times, this.values];
  }

  /** Index of the first point that is not before `time`. */
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

  #insert(time, value) {
    const at = this.#position(time);
    if (this.times[at] === time) {
      this.values[at] = value;
      return;
    }
    this.times.splice(at, 0, time);
    this.values.splice(at, 0, value);
    if (this.times.length > RAW_LIMIT) this.#coarsen();
  }

  #fold(time, value, known) {
    const start = Math.floor(time / this.width) * this.width;
    const at = this.#position(start);
    if (this.times[at] !== start) {
      this.times.splice(at, 0, start);
      this.values.splice(at, 0, value);
      this.lows.splice(at, 0, value);
      this.highs.splice(at, 0, value);
      this.counts.splice(at, 0, 1);
      return;
    }
    this.lows[at] = Math.min(this.lows[at], value);
    this.highs[at] = Math.max(this.highs[at], value);
    if (known) return;
    this.counts[at] += 1;
    this.values[at] += (value - this.values[at]) / this.counts[at];
  }

  #coarsen() {
    const { times, values, latest } = this;
    this.times = [];
    this.values = [];
    this.#clear(Math.max(1, Math.ceil(this.windowMs / this.points / 1000)) * 1000);
    for (let i = 0; i < times.length; i++) this.#fold(times[i], values[i], false);
    this.latest = latest;
  }

  /** A pause longer than this is one in which nothing was heard. */
  #gap() {
    const steps = [];
    for (let i = Math.max(1, this.times.length - 200); i < this.times.length; i++)
      steps.push(this.times[i] - this.times[i - 1]);
    steps.sort((a, b) => a - b);
    const usual = steps[steps.length >> 1] ?? 0;
    return Math.max(6 * usual, 4 * this.width, 5_000);
  }
}

/** Indices of the values that no line reaches; `null` breaks a line, `undefined` only belongs to another one. */
export function alone(values) {
  const runs = [[]];
  values.forEach((value, i) => {
    if (value === null) runs.push([]);
    else if (value !== undefined) runs.at(-1).push(i);
  });
  return runs.filter((run) => run.length === 1).flat();
}
