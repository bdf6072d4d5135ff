import assert from "node:assert/strict";
import { it } from "node:test";

import { announcementOf } from "../../../dashboards/static/dashboards/js/rooms/announcement.js";
import { Timeline } from "../../../dashboards/static/dashboards/js/rooms/timeline.js";

const said = (seq, author, more = {}) => ({
  seq,
  at: seq,
  kind: "chat",
  origin: "person",
  author,
  text: `text ${seq}`,
  ...more,
});

function words(before, entry) {
  const timeline = new Timeline("alice");
  timeline.open(before, before.length);
  return announcementOf(entry, timeline, "alice");
}

it("the beginning of others' messages is announced", () => {
  assert.equal(words([], said(1, "bob")), "bob: text 1");
  assert.equal(words([], said(1, "bob", { text: "x".repeat(2_000) })).length, "bob: ".length + 300);
});

it("answers of the hub are announced only to the person who asked", () => {
  const note = said(2, "", { kind: "note", origin: "hub", text: "`speed` is **40 %**" });
  assert.equal(words([said(1, "alice")], note), "speed is 40 %");
  assert.equal(words([said(1, "bob")], note), "");
});

it("answers of a device are announced only to the person who sent the command", () => {
  const command = (by) => said(1, by, { kind: "command", data: { name: "set", args: { speed: 40 } } });
  const answer = said(3, "pump-1", {
    kind: "answer",
    origin: "device",
    of: 1,
    data: { status: "failed", error: "too fast" },
  });
  assert.equal(words([command("alice"), said(2, "bob")], answer), "pump-1: too fast");
  assert.equal(words([command("bob"), said(2, "alice")], answer), "");
});

it("changes of availability are not announced", () => {
  assert.equal(
    words(
      [said(1, "alice")],
      said(2, "pump-1", { kind: "availability", origin: "device", data: { status: "offline" } }),
    ),
    "",
  );
});
