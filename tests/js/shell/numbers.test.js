import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  brief,
  compact,
  formatBytes,
  formatValue,
  NumberFormat,
} from "../../../dashboards/static/dashboards/js/shell/numbers.js";

const number = (...values) => {
  const format = new NumberFormat();
  return values.map((value) => format.format(value)).at(-1);
};

describe("a number", () => {
  for (const [value, text] of [
    [21.5, "21.5"],
    [0, "0"],
    [-7.25, "−7.25"],
    [1234.56, "1,234.6"],
    [123456.789, "123,457"],
    [0.00123, "0.0012"],
    [2 ** 60, "1.15 × 10¹⁸"],
    [-1.2e-9, "−1.20 × 10⁻⁹"],
    [Infinity, "–"],
  ]) {
    it(`${value} reads ${text}`, () => assert.equal(number(value), text));
  }

  it("keeps the decimals that its metric has shown, so that it doesn't jump", () => {
    assert.equal(number(21.5, 22), "22.0");
    assert.equal(number(21, 22), "22");
  });

  it("shows no more decimals for a mean than the device has sent", () => {
    const format = new NumberFormat();
    format.format(21.5);
    assert.deepEqual([format.formatMean(21.512345), format.format(22)], ["21.5", "22.0"]);
  });
});

describe("other values", () => {
  it("are words and texts", () => {
    assert.equal(formatValue(true, null, ["On", "Off"]), "On");
    assert.equal(formatValue(false, null), "No");
    assert.equal(formatValue("<b>", null), "<b>");
    assert.equal(formatValue("", null), "“”");
    assert.equal(formatValue(undefined, null), "–");
  });
});

describe("an axis", () => {
  for (const [value, text] of [
    [0, "0"],
    [9500, "9500"],
    [12_000, "12k"],
    [-1_250_000, "−1.25M"],
    [1.5e18, "1.5E"],
    [1e21, "1.0e21"],
    [1.2e-9, "1.2e−9"],
    [0.25, "0.25"],
    [0.1 + 0.2, "0.3"],
  ]) {
    it(`writes ${value} as ${text}`, () => assert.equal(compact(value), text));
  }

  it("distinguishes ticks that are close together", () => {
    const ticks = [770_000, 770_050, 770_100].map((value) => compact(value, 50));
    assert.deepEqual(ticks, ["770k", "770.05k", "770.1k"]);
    assert.deepEqual(
      [1012.25, 1012.5].map((value) => compact(value, 0.25)),
      ["1012.25", "1012.5"],
    );
    assert.equal(compact(0, 25), "0");
  });
});

it("a result in one line is text as it is, else JSON", () => {
  assert.deepEqual([brief(null), brief("done"), brief({ on: true })], ["", "done", '{"on":true}']);
});

it("a size has the largest unit that fits", () => {
  assert.deepEqual([820, 1_400, 14_200, 3_240_000].map(formatBytes), ["820 B", "1.4 kB", "14 kB", "3.2 MB"]);
});
