import assert from "node:assert/strict";
import { it } from "node:test";

import { announcementOf } from "../../../dashboards/static/dashboards/js/rooms/announcement.js";
import { Timeline } from "../../../dashboards/static/dashboards/js/rooms/timeline.js";

const entry = (seq, author, more = {}) => ({
  seq,
  at: seq,
  kind: "chat",
  origin: "person",
  author,
  text: `text ${seq}`,
  ...more,
});

function announced(before, entry) {
  const timeline = new Timeline("alice");
  timeline.open(before, before.length);
  return announcementOf(entry, timeline, "alice");
}

it("the beginning of others' messages is announced", () => {
  assert.equal(announced([], entry(1, "bob")), "bob: text 1");
  assert.equal(announced([], entry(1, "bob", { text: "x".repeat(2_000) })).length, "bob: ".length + 300);
});

it("answers of the hub are announced only to the person who asked", () => {
  const note = entry(2, "", { kind: "note", origin: "hub", text: "`speed` is **40 %**" });
  assert.equal(announced([entry(1, "alice")], note), "speed is 40 %");
  assert.equal(announced([entry(1, "bob")], note), "");
});

it("answers of a device are announced only to the person who sent the command", () => {
  const command = (by) => entry(1, by, { kind: "command", data: { name: "set", args: { speed: 40 } } });
  const answer = entry(3, "pump-1", {
    kind: "answer",
    origin: "device",
    of: 1,
    data: { status: "failed", error: "too fast" },
  });
  assert.equal(announced([command("alice"), entry(2, "bob")], answer), "pump-1: too fast");
  assert.equal(announced([command("bob"), entry(2, "alice")], answer), "");
});

it("changes of availability are not announced", () => {
  assert.equal(
    announced(
      [entry(1, "alice")],
      entry(2, "pump-1", { kind: "availability", origin: "device", data: { status: "offline" } }),
    ),
    "",
  );
});
