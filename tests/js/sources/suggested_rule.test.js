import assert from "node:assert/strict";
import test from "node:test";

import { suggestedRule } from "../../../dashboards/static/dashboards/js/sources/suggested_rule.js";

for (const [title, message, prefix, expected] of /** @type {const} */ ([
  [
    "a bare value",
    { topic: "home/kitchen/t", payload: "21.5" },
    "",
    { prefix: "home", rule: { topic: "{device}/{metric}", decoder: "scalar" } },
  ],
  [
    "an object of a device",
    { topic: "home/kitchen", payload: '{"t":1}' },
    "",
    { prefix: "home", rule: { topic: "{device}" } },
  ],
  [
    "an object below a word",
    { topic: "home/kitchen/SENSOR", payload: '{"t":1}' },
    "",
    { prefix: "home", rule: { topic: "{device}/SENSOR" } },
  ],
  [
    "a status",
    { topic: "home/kitchen/LWT", payload: "Online" },
    "",
    { prefix: "home", rule: { topic: "{device}/LWT", as: "status", decoder: "text" } },
  ],
  [
    "bytes",
    { topic: "home/kitchen", payload_hex: "a16174" },
    "",
    { prefix: "home", rule: { topic: "{device}", decoder: "cbor" } },
  ],
  [
    "a longer prefix",
    { topic: "a/b/c/d", payload: "1" },
    "a/b",
    { prefix: "a/b", rule: { topic: "{device}/{metric}", decoder: "scalar" } },
  ],
  [
    "a prefix that does not fit",
    { topic: "a/b/c", payload: "1" },
    "x",
    { prefix: "a", rule: { topic: "{device}/{metric}", decoder: "scalar" } },
  ],
]))
  test(`a rule is suggested for ${title}`, () => {
    assert.deepEqual(suggestedRule(message, prefix), expected);
  });
