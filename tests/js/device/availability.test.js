import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  duration,
  onlineShare,
  percent,
  sinceText,
  statusSpans,
} from "../../../dashboards/static/dashboards/js/device/availability.js";

const change = (status, at, count = 1) => ({ status, at, count });
const flat = (spans) => spans.map(({ status, from, to, changes }) => [status, from, to, ...(changes ? [changes] : [])]);

describe("spans of availability", () => {
  it("reach from the first change to the end, and are unknown before", () => {
    const spans = statusSpans([change("online", 20), change("offline", 50)], 0, 100);
    assert.deepEqual(flat(spans), [
      ["unknown", 0, 20],
      ["online", 20, 50],
      ["offline", 50, 100],
    ]);
  });

  it("are cut at the window", () => {
    const spans = statusSpans([change("online", -50), change("stale", 150)], 0, 100);
    assert.deepEqual(flat(spans), [["online", 0, 100]]);
  });

  it("are unknown if there is no change at all", () => {
    assert.deepEqual(flat(statusSpans([], 0, 100)), [["unknown", 0, 100]]);
  });

  it("show merged changes as flapping, until the last of them", () => {
    const spans = statusSpans([change("online", 0), change("offline", 60, 40)], 0, 100);
    assert.deepEqual(flat(spans), [
      ["flapping", 0, 60, 40],
      ["offline", 60, 100],
    ]);
  });
});

describe("the share of time online", () => {
  it("counts only known time", () => {
    assert.equal(onlineShare(statusSpans([change("online", 20), change("offline", 80)], 0, 100)), 0.75);
    assert.equal(onlineShare(statusSpans([], 0, 100)), null);
  });

  it("is never rounded up to 100 %", () => {
    assert.equal(percent(0.99999), "99.9 %");
    assert.equal(percent(1), "100 %");
  });
});

describe("how long a status has lasted", () => {
  for (const [status, since, text] of [
    ["online", 1_000, "for 12 min"],
    ["stale", 1_000, "silent for 12 min"],
    ["unknown", 1_000, ""],
    ["offline", 0, ""],
    ["online", 10_000_000, "for 0 s"],
  ]) {
    it(`is “${text}” for ${status} since ${since}`, () => assert.equal(sinceText(status, since, 721_000), text));
  }
});

describe("a duration", () => {
  for (const [minutes, text] of [
    [0.5, "30 s"],
    [18, "18 min"],
    [60, "1 h"],
    [280, "4 h 40 min"],
    [1440, "1 d"],
    [3070, "2 d 3 h"],
  ]) {
    it(`of ${minutes} minutes is ${text}`, () => assert.equal(duration(minutes * 60_000), text));
  }
});
