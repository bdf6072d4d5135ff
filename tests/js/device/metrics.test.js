import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  buttonsOf,
  byImportance,
  controlsOf,
  factsOf,
  hueOf,
  positionOf,
  record,
  titleOf,
  unitOf,
  wordsOf,
} from "../../../dashboards/static/dashboards/js/device/metrics.js";

const ATTRIBUTES = {
  model: "CX-40",
  "units.flow": "l/min",
  "controls.on": "switch",
  "controls.speed": "slider 0 100 5",
  "controls.vent": "slider 0 1",
  "controls.mode": "choice auto manual",
  "commands.horn": "button Sound the horn",
};

describe("attributes", () => {
  it("give units and controls", () => {
    assert.equal(unitOf(ATTRIBUTES, "flow"), "l/min");
    assert.equal(unitOf(ATTRIBUTES, "level"), "");
    assert.deepEqual(controlsOf(ATTRIBUTES), [
      { kind: "switch", arg: "on" },
      { kind: "slider", arg: "speed", min: 0, max: 100, step: 5 },
      { kind: "slider", arg: "vent", min: 0, max: 1, step: 0.01 },
      { kind: "choice", arg: "mode", choices: ["auto", "manual"] },
    ]);
    assert.deepEqual(buttonsOf(ATTRIBUTES), [{ kind: "button", name: "horn", label: "Sound the horn" }]);
    assert.deepEqual(factsOf(ATTRIBUTES), [["model", "CX-40"]]);
  });

  for (const text of ["slider", "slider 5 1", "slider a b", "slider 0 10 -1", "choice", "lever 1 2", "", 7, null]) {
    it(`offer no control by ${JSON.stringify(text)}`, () => assert.deepEqual(controlsOf({ "controls.x": text }), []));
  }

  it("label a button by its name where they give no label", () => {
    assert.deepEqual(buttonsOf({ "commands.reset": "button" }), [{ kind: "button", name: "reset", label: "reset" }]);
  });
});

describe("importance", () => {
  const latest = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [0, value]]));

  it("puts what was measured before what was set, numbers before words, the position last", () => {
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

it("titles read as a person would write them", () => {
  assert.deepEqual(["phase.l1", "soil_moisture", "co2", "rpm", "airPressure", "."].map(titleOf), [
    "Phase L1",
    "Soil moisture",
    "CO₂",
    "RPM",
    "Air pressure",
    ".",
  ]);
});

it("a quantity has one hue wherever it is shown", () => {
  assert.deepEqual(
    [
      hueOf("temperature", "°C"),
      hueOf("x", "°C"),
      hueOf("power", ""),
      hueOf("humidity", "%"),
      hueOf("battery", "%"),
      hueOf("x", ""),
    ],
    ["coral", "coral", "amber", "teal", "olive", "blue"],
  );
});

it("a position is found under its usual names", () => {
  assert.deepEqual(positionOf(["speed", "gps.lat", "gps.lon"]), { latitude: "gps.lat", longitude: "gps.lon" });
  assert.equal(positionOf(["latitude", "platform"]), null);
});

it("what can be switched is on or off, anything else is so or not", () => {
  assert.deepEqual(wordsOf({ "controls.x": "switch" }, "x"), ["On", "Off"]);
  assert.deepEqual(wordsOf({}, "filling"), ["Yes", "No"]);
});
