import assert from "node:assert/strict";
import { it } from "node:test";

import { Emitter } from "../../../dashboards/static/dashboards/js/live/emitter.js";

it("listeners of a name are called at once, in the order in which they registered", () => {
  const emitter = new Emitter();
  const calls = [];
  emitter.on("a", (detail) => calls.push(["first", detail]));
  emitter.on("a", (detail) => calls.push(["second", detail]));
  emitter.on("b", () => calls.push(["other"]));
  emitter.emit("a", 7);
  assert.deepEqual(calls, [
    ["first", 7],
    ["second", 7],
  ]);
});

it("a listener that was removed is not called, even by the event that removes it", () => {
  const emitter = new Emitter();
  const calls = [];
  emitter.on("a", () => end());
  const end = emitter.on("a", () => calls.push("removed"));
  emitter.emit("a");
  emitter.emit("nobody listens");
  assert.deepEqual(calls, []);
});
