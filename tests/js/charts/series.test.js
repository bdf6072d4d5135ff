import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isolatedIndices, RAW_LIMIT, Series } from "../../../dashboards/static/dashboards/js/charts/series.js";

const WINDOW_MS = 300_000;
const raw = (points) => ({ resolution: "raw", t: points.map(([t]) => t), v: points.map(([, v]) => v) });
const points = (series) => series.times.map((time, i) => [time, series.values[i]]);

function loaded(columns) {
  const series = new Series(WINDOW_MS, 100);
  series.load(columns);
  return series;
}

describe("history and live points", () => {
  it("join into one line in the order of time", () => {
    const series = loaded(
      raw([
        [1000, 1],
        [2000, 2],
      ]),
    );
    series.add(3000, 3);
    assert.deepEqual(points(series), [
      [1000, 1],
      [2000, 2],
      [3000, 3],
    ]);
    assert.deepEqual(series.latest, [3000, 3]);
  });

  it("hold points once that are in both", () => {
    const series = loaded(
      raw([
        [1000, 1],
        [2000, 2],
      ]),
    );
    series.add(2000, 2, true);
    series.add(3000, 3, true);
    assert.deepEqual(points(series), [
      [1000, 1],
      [2000, 2],
      [3000, 3],
    ]);
  });

  it("show the later of two values with one time, in a bucket too", () => {
    const series = loaded(raw([[1000, 1]]));
    series.add(1000, 5);
    assert.deepEqual(points(series), [[1000, 5]]);
    const buckets = loaded({ resolution: "10s", t: [0], mean: [2], min: [1], max: [3], count: [2] });
    buckets.add(5_000, 100);
    buckets.add(5_000, 2);
    buckets.add(12_000, 50);
    buckets.add(12_000, 4);
    buckets.add(12_000, 4);
    assert.deepEqual(points(buckets), [
      [0, 2],
      [10_000, 4],
    ]);
    assert.deepEqual(
      [buckets.lows, buckets.highs, buckets.counts],
      [
        [1, 4],
        [3, 4],
        [3, 1],
      ],
    );
    assert.deepEqual(buckets.latest, [12_000, 4]);
  });

  it("put a late point in its place", () => {
    const series = loaded(
      raw([
        [1000, 1],
        [3000, 3],
      ]),
    );
    series.add(2000, 2);
    assert.deepEqual(points(series), [
      [1000, 1],
      [2000, 2],
      [3000, 3],
    ]);
    assert.deepEqual(series.latest, [3000, 3]);
  });

  it("show true and false as numbers, and leave texts out", () => {
    const series = loaded(
      raw([
        [1000, true],
        [2000, "open"],
        [3000, false],
      ]),
    );
    assert.deepEqual(points(series), [
      [1000, 1],
      [3000, 0],
    ]);
  });

  it("join without gaps or duplicates, whatever arrives while history is loaded", () => {
    const all = Array.from({ length: 200 }, (_, i) => [i * 10, i]);
    for (let stored = 0; stored <= 200; stored += 20) {
      for (let heardFrom = 0; heardFrom <= stored; heardFrom += 20) {
        const series = loaded(raw(all.slice(0, stored)));
        for (const [time, value] of all.slice(heardFrom)) series.add(time, value, true);
        assert.deepEqual(points(series), all);
      }
    }
  });
});

describe("buckets", () => {
  const columns = { resolution: "10s", t: [0, 10_000], min: [1, 4], max: [3, 6], mean: [2, 5], count: [2, 2] };

  it("may be shorter than a second", () => {
    const series = loaded({ ...columns, resolution: "0.1s", t: [0, 100] });
    series.add(250, 8);
    assert.deepEqual(points(series), [
      [0, 2],
      [100, 5],
      [200, 8],
    ]);
  });

  it("put a live point into the bucket of its time", () => {
    const series = loaded(columns);
    series.add(12_000, 8);
    assert.deepEqual(
      [series.lows, series.highs, series.counts],
      [
        [1, 4],
        [3, 8],
        [2, 3],
      ],
    );
    assert.deepEqual(series.values, [2, 6]);
  });

  it("don't count a point twice that history may contain", () => {
    const series = loaded(columns);
    series.add(12_000, 6, true);
    assert.deepEqual(
      [series.values, series.highs, series.counts],
      [
        [2, 5],
        [3, 6],
        [2, 2],
      ],
    );
  });

  it("begin with a new one when the last is over", () => {
    const series = loaded(columns);
    series.add(25_000, 7);
    assert.deepEqual(series.times, [0, 10_000, 20_000]);
  });

  it("end at the present value", () => {
    const series = loaded(columns);
    series.add(14_000, 6);
    const [times, values] = series.drawable();
    assert.deepEqual([times.at(-1), values.at(-1)], [14_000, 6]);
  });
});

describe("a line that grows", () => {
  it("is bounded, and keeps every peak", () => {
    const series = new Series(WINDOW_MS, 100);
    for (let i = 0; i < RAW_LIMIT * 3; i++) series.add(i * 20, i === 5_000 ? 999 : 1);
    assert.ok(series.times.length < RAW_LIMIT);
    assert.equal(Math.max(...series.highs), 999);
    assert.equal(
      series.counts.reduce((sum, n) => sum + n),
      RAW_LIMIT * 3,
    );
  });

  it("forgets points that have left the window, except the one that the line comes in from", () => {
    const series = new Series(WINDOW_MS, 100);
    for (let i = 0; i < 1000; i++) series.add(i * 1000, i);
    series.trim(900_000);
    assert.deepEqual([series.times[0], series.times.length], [899_000, 101]);
  });
});

describe("drawing", () => {
  it("breaks the line at a long pause", () => {
    const series = loaded(
      raw([
        [0, 1],
        [1000, 1],
        [2000, 1],
        [60_000, 2],
        [61_000, 2],
      ]),
    );
    assert.deepEqual(series.drawable()[1], [1, 1, 1, null, 2, 2]);
  });

  it("does not break the line of a device that reports rarely", () => {
    const series = loaded(
      raw([
        [0, 1],
        [60_000, 2],
        [125_000, 3],
      ]),
    );
    assert.deepEqual(series.drawable()[1], [1, 2, 3]);
  });

  it("has no points for an empty series", () => {
    assert.deepEqual(new Series(WINDOW_MS, 100).drawable(), [[], [], [], []]);
    assert.deepEqual(loaded({}).drawable(), [[], [], [], []]);
  });
});

describe("the readings that no line reaches", () => {
  it("are those with a pause on both sides", () => {
    assert.deepEqual(isolatedIndices([1, null, 2, 3, null, 4]), [0, 5]);
  });

  it("include the first one of a device", () => {
    assert.deepEqual(isolatedIndices([21.5]), [0]);
  });

  it("don't depend on when other lines have points", () => {
    assert.deepEqual(isolatedIndices([1, undefined, 2, undefined, null, undefined, 3]), [6]);
  });

  it("are not in an unbroken line or an empty one", () => {
    assert.deepEqual(isolatedIndices([1, 2, 3]), []);
    assert.deepEqual(isolatedIndices([]), []);
  });
});
