import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { byImportance, nameOf, positionOf } from "../../../dashboards/static/dashboards/js/device/metrics.js";
import { record } from "../../../dashboards/static/dashboards/js/live/record.js";

describe("importance", () => {
  const latest = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [0, value]]));

  it("puts measured metrics before set ones, numbers before words, the position last", () => {
    const values = latest({ state: "driving", latitude: 52.1, longitude: 4.9, limit: 50, speed: 44, locked: true });
    const attributes = { "controls.limit": "slider 0 100", "units.limit": "km/h" };
    assert.deepEqual(byImportance(values, attributes), ["speed", "limit", "locked", "state", "latitude", "longitude"]);
  });

  it("copes with names that JavaScript has a meaning for", () => {
    assert.deepEqual(byImportance(record(latest({ constructor: 1, toString: 2 })), {}), ["constructor", "toString"]);
    assert.ok(!("constructor" in record()));
    const own = record(JSON.parse('{"__proto__": [0, 1]}'));
    assert.deepEqual(Object.keys(own), ["__proto__"]);
  });
});
it("a metric has the name that it was given, whatever the device calls it", () => {
  assert.equal(nameOf({ t1: "temperature" }, "t1"), "temperature");
  assert.equal(nameOf({ t1: "temperature" }, "t2"), "t2");
  assert.equal(nameOf({}, "constructor"), "constructor");
});
it("a position is found under its usual names", () => {
  assert.deepEqual(positionOf(["speed", "gps.lat", "gps.lon"]), { latitude: "gps.lat", longitude: "gps.lon" });
  assert.equal(positionOf(["latitude", "platform"]), null);
});
