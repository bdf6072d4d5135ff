import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { numericTexts } from "../../../dashboards/static/dashboards/js/device/text_hint.js";
import { booleanIn, numberIn } from "../../../dashboards/static/dashboards/js/device/text_values.js";

describe("a text", () => {
  for (const [text, number] of [
    ["21.5", 21.5],
    ["21,5", 21.5],
    ["-76 dBm", -76],
    [" 48% ", 48],
    ["1e3", 1000],
    [7, 7],
  ])
    it(`${JSON.stringify(text)} is the number ${number}`, () => assert.equal(numberIn(text), number));

  for (const text of ["", "on", "1,234.5", "12:30", "0x1F", "1e999", true, undefined])
    it(`${JSON.stringify(text)} is no number`, () => assert.equal(numberIn(text), null));

  for (const text of ["ON", "true", " yes", "1", true, 1])
    it(`${JSON.stringify(text)} means on`, () => assert.equal(booleanIn(text), true));

  for (const text of ["OFF", "false", "No", "0", false, 0])
    it(`${JSON.stringify(text)} means off`, () => assert.equal(booleanIn(text), false));

  for (const text of ["open", "", 2, "toString", undefined])
    it(`${JSON.stringify(text)} means neither`, () => assert.equal(booleanIn(text), null));
});

it("metrics whose newest text looks like a number are found", () => {
  const latest = { a: [1, "21,5"], b: [1, "open"], c: [1, 5], d: [1, "-7 °C"] };
  assert.deepEqual(numericTexts(latest), ["a", "d"]);
});
