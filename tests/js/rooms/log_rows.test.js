import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { rowsOf } from "../../../dashboards/static/dashboards/js/rooms/log_rows.js";
import { Timeline } from "../../../dashboards/static/dashboards/js/rooms/timeline.js";

const NOON = new Date(2026, 10, 25, 12).getTime();
const MINUTE = 60_000;

const message = (seq, author, at, more = {}) => ({
  seq,
  at,
  kind: "chat",
  origin: "person",
  author,
  text: "x",
  ...more,
});

function rowsFor(messages, options = {}) {
  const timeline = new Timeline("alice");
  timeline.open(messages, messages.length);
  return rowsOf(timeline, { username: "alice", now: NOON + 10 * MINUTE, ...options });
}

const types = (made) => made.map(({ type, joined }) => (joined ? `${type}+` : type));

describe("rows of a log", () => {
  it("have a heading for each author and a separator for each day", () => {
    const made = rowsFor([
      message(1, "bob", NOON - 24 * 60 * MINUTE),
      message(2, "bob", NOON),
      message(3, "bob", NOON + MINUTE),
      message(4, "alice", NOON + MINUTE),
      message(5, "alice", NOON + 9 * MINUTE),
    ]);
    assert.deepEqual(types(made), ["day", "message", "day", "message", "message+", "message", "message"]);
  });

  it("leave out edits and removals, which change other entries", () => {
    const made = rowsFor([
      message(1, "bob", NOON),
      message(2, "bob", NOON, { kind: "edit", of: 1 }),
      message(3, "bob", NOON),
    ]);
    assert.deepEqual(types(made), ["day", "message", "message+"]);
  });

  it("join an answer to its command only if that is right above it", () => {
    const command = (seq) => message(seq, "alice", NOON, { kind: "command", data: { name: "set", args: {} } });
    const answer = (seq, of) => message(seq, "pump-1", NOON, { kind: "answer", of, data: { status: "succeeded" } });
    const made = rowsFor([command(1), answer(2, 1), command(3), message(4, "bob", NOON), answer(5, 3)]);
    assert.deepEqual(types(made), ["day", "command", "answer+", "command", "message", "answer"]);
    assert.equal(made[1].answer.seq, 2);
    assert.equal(made[3].answer.seq, 5);
  });

  it("show whether a command may still be answered", () => {
    const command = [message(1, "alice", NOON, { kind: "command", data: {} })];
    assert.equal(rowsFor(command, { now: NOON + 5_000 })[1].open, true);
    assert.equal(rowsFor(command, { now: NOON + 5 * MINUTE })[1].open, false);
    const data = { expires_at: NOON + 60 * MINUTE };
    const long = [message(1, "alice", NOON, { kind: "command", data })];
    assert.equal(rowsFor(long, { now: NOON + 59 * MINUTE })[1].open, true);
    assert.equal(rowsFor(long, { now: NOON + 61 * MINUTE })[1].open, false);
  });

  it("show a late answer in place of the report that none came in time", () => {
    const entries = [
      message(1, "alice", NOON, { kind: "command", data: {} }),
      message(2, "hubbub", NOON, { kind: "answer", of: 1, data: { status: "timed_out" } }),
      message(3, "pump-1", NOON, { kind: "answer", of: 1, data: { status: "timed_out", late: true } }),
    ];
    assert.equal(rowsFor(entries)[1].answer.seq, 3);
    const timeline = new Timeline("alice");
    timeline.open(entries.slice(2), 3);
    timeline.prepend(entries.slice(0, 2));
    assert.equal(timeline.answerTo(1).seq, 3);
  });

  it("mark the first new message of somebody else", () => {
    const made = rowsFor([message(1, "bob", NOON), message(2, "alice", NOON), message(3, "bob", NOON)], {
      unreadAfter: 1,
    });
    assert.deepEqual(types(made), ["day", "message", "message", "new", "message"]);
  });

  it("mark a message of a webhook that has the reader's name", () => {
    const made = rowsFor([message(1, "bob", NOON), message(2, "alice", NOON, { origin: "bot" })], { unreadAfter: 1 });
    assert.deepEqual(types(made), ["day", "message", "new", "message"]);
  });

  it("mark nothing if everything is read", () => {
    const made = rowsFor([message(1, "bob", NOON), message(2, "alice", NOON)], { unreadAfter: 1 });
    assert.ok(!types(made).includes("new"));
  });

  it("end with the messages that are being sent", () => {
    const timeline = new Timeline("alice");
    timeline.open([message(1, "alice", NOON)], 1);
    timeline.addPending({ key: "a", text: "one" });
    timeline.addPending({ key: "b", text: "two" });
    const made = rowsOf(timeline, { username: "alice", now: NOON + MINUTE });
    assert.deepEqual(types(made), ["day", "message", "pending+", "pending+"]);
    assert.deepEqual(
      made.slice(-2).map(({ id }) => id),
      ["key-a", "key-b"],
    );
  });

  it("show an entry of an unknown kind as a message", () => {
    assert.deepEqual(types(rowsFor([message(1, "x", NOON, { kind: "poll" })])), ["day", "message"]);
  });
});
