import assert from "node:assert/strict";
import test from "node:test";

import { compactJson } from "../../../dashboards/static/dashboards/js/sources/compact_json.js";

test("what fits into a line stands in one", () => {
  assert.equal(
    compactJson({ rules: [{ topic: "{device}", only: ["a", "b"] }] }),
    '{"rules": [{"topic": "{device}", "only": ["a", "b"]}]}',
  );
});

test("what is longer has a line for each part", () => {
  const rule = { topic: "{device}/{metric}", decoder: "scalar", units: { temperature: "°C" } };
  const line = '{"topic": "{device}/{metric}", "decoder": "scalar", "units": {"temperature": "°C"}}';
  assert.equal(compactJson({ rules: [rule, rule] }), `{\n  "rules": [\n    ${line},\n    ${line}\n  ]\n}`);
});

test("it can be read again", () => {
  const value = { a: [1, "x\n", null, true, { b: {} }], c: "y".repeat(200) };
  assert.deepEqual(JSON.parse(compactJson(value)), value);
});
