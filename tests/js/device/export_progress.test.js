import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ExportProgress } from "../../../dashboards/static/dashboards/js/device/export_progress.js";

const T0 = Date.UTC(2023, 10, 14);
const extents = [
  { metric: "=a,b", first: T0, last: T0 + 10_000 },
  { metric: "ü", first: T0, last: T0 + 10_000 },
];
const line = (name, second, value = second) => `${new Date(T0 + second * 1000).toISOString()},${name},${value}\n`;

function follow(file, size) {
  const [position, shares] = [new ExportProgress(extents), []];
  const bytes = new TextEncoder().encode(file);
  for (let at = 0; at < bytes.length; at += size) {
    position.push(bytes.slice(at, at + size));
    shares.push(position.share);
  }
  return { position, shares };
}

describe("the progress of an export", () => {
  const names = [`"'=a,b"`, "ü"];
  const header = "time,metric,value\n";
  const seconds = Array.from({ length: 11 }, (_, i) => i);
  const file = header + names.flatMap((name) => seconds.map((s) => line(name, s, '"two\nlines"'))).join("");

  for (const size of [1, 7, 64, 100_000]) {
    it(`rises to the end, read by ${size} bytes`, () => {
      const { position, shares } = follow(file, size);
      assert.equal(position.readings, 22);
      assert.equal(position.share, 1);
      assert.equal(position.metric, "ü");
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => a - b),
      );
    });
  }

  it("is a share of metrics and times", () => {
    const half = header + seconds.map((s) => line(names[0], s)).join("") + line("ü", 5);
    assert.equal(follow(half, 1000).position.share, 0.75);
  });

  it("of an empty file is zero", () => {
    assert.deepEqual(
      [follow("time,metric,value\n", 5).position.readings, follow("time,metric,value\n", 5).position.share],
      [0, 0],
    );
  });
});
