import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  buttonsOf,
  controlsOf,
  factsOf,
  unitOf,
  wordsOf,
} from "../../../dashboards/static/dashboards/js/device/attributes.js";

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
    assert.deepEqual(buttonsOf(ATTRIBUTES), [{ kind: "button", arg: "horn", label: "Sound the horn" }]);
    assert.deepEqual(factsOf(ATTRIBUTES), [["model", "CX-40"]]);
  });

  for (const text of ["slider", "slider 5 1", "slider a b", "slider 0 10 -1", "choice", "lever 1 2", "", 7, null]) {
    it(`offer no control by ${JSON.stringify(text)}`, () => assert.deepEqual(controlsOf({ "controls.x": text }), []));
  }

  it("label a button by its name if they give no label", () => {
    assert.deepEqual(buttonsOf({ "commands.reset": "button" }), [{ kind: "button", arg: "reset", label: "reset" }]);
  });
});
it("what can be switched is on or off, anything else is yes or no", () => {
  assert.deepEqual(wordsOf({ "controls.x": "switch" }, "x"), ["On", "Off"]);
  assert.deepEqual(wordsOf({}, "filling"), ["Yes", "No"]);
});
