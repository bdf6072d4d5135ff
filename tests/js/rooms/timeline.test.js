import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Timeline, WINDOW } from "../../../dashboards/static/dashboards/js/rooms/timeline.js";

const chat = (seq, more = {}) => ({
  seq,
  at: seq * 1_000,
  kind: "chat",
  origin: "person",
  author: "bob",
  text: `text ${seq}`,
  ...more,
});
const edit = (seq, of, text, more = {}) => chat(seq, { kind: "edit", of, text, ...more });
const removal = (seq, of) => chat(seq, { kind: "removal", of, text: "" });
const run = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => chat(from + i));
const seqs = (timeline) => timeline.entries.map(({ seq }) => seq);

function opened(from, to, newest = to) {
  const timeline = new Timeline("alice");
  timeline.open(run(from, to), newest);
  return timeline;
}

describe("the run of entries", () => {
  it("grows by entries that are pushed", () => {
    const timeline = opened(1, 3);
    timeline.receive(chat(4));
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
  });

  it("holds no entry twice", () => {
    const timeline = opened(1, 3);
    timeline.receive(chat(3));
    timeline.resume([chat(2), chat(3), chat(4)], 4);
    timeline.receive(chat(4));
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
  });

  it("is behind while a seq is missing", () => {
    const timeline = opened(1, 3);
    timeline.receive(chat(5));
    assert.deepEqual(seqs(timeline), [1, 2, 3]);
    assert.equal(timeline.behind, true);
    timeline.resume([chat(4), chat(5)], 5);
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5]);
    assert.equal(timeline.behind, false);
  });

  it("stays unbroken when a snapshot after a reconnect leaves a gap", () => {
    const timeline = opened(1, 3);
    timeline.resume(run(60, 110), 110);
    assert.equal(timeline.behind, true);
    timeline.resume(run(4, 110), 110);
    assert.deepEqual(
      seqs(timeline),
      run(1, 110).map(({ seq }) => seq),
    );
  });

  it("begins with the first message of an empty room", () => {
    const timeline = opened(1, 0);
    assert.equal(timeline.complete, true);
    timeline.receive(chat(1));
    assert.deepEqual(seqs(timeline), [1]);
  });

  it("is extended only by entries that come right before it", () => {
    const timeline = opened(11, 20);
    timeline.prepend(run(1, 5));
    assert.equal(timeline.first, 11);
    timeline.prepend(run(6, 10));
    assert.equal(timeline.first, 6);
    timeline.prepend(run(1, 5));
    assert.equal(timeline.complete, true);
  });

  it("forgets its end when the reader goes far back, and then ignores pushes", () => {
    const timeline = opened(WINDOW + 1, 2 * WINDOW);
    timeline.prepend(run(WINDOW - 49, WINDOW));
    assert.equal(timeline.entries.length, WINDOW);
    assert.equal(timeline.following, false);
    timeline.receive(chat(2 * WINDOW + 1));
    assert.equal(timeline.last, 2 * WINDOW - 50);
    assert.equal(timeline.newest, 2 * WINDOW + 1);
    assert.equal(timeline.behind, false);
  });

  it("reaches the newest entry again when later entries are appended", () => {
    const timeline = opened(1, 50, 120);
    assert.equal(timeline.following, false);
    timeline.append(run(51, 100), 120);
    assert.equal(timeline.following, false);
    timeline.append(run(101, 120), 120);
    assert.equal(timeline.following, true);
    timeline.receive(chat(121));
    assert.equal(timeline.last, 121);
  });

  it("is bounded while the reader is not at its end", () => {
    const timeline = opened(1, 1);
    for (const message of run(2, 3 * WINDOW)) timeline.receive(message);
    assert.equal(timeline.entries.length, 2 * WINDOW);
    assert.equal(timeline.newest, 3 * WINDOW);
  });
});

describe("edits and removals", () => {
  it("change the entries that are held", () => {
    const timeline = opened(1, 3);
    timeline.receive(edit(4, 2, "mended", { data: { mentions: ["alice"] } }));
    timeline.receive(removal(5, 3));
    assert.deepEqual(timeline.find(2), { ...chat(2), text: "mended", data: { mentions: ["alice"] }, edited_at: 4_000 });
    assert.equal(timeline.find(3).text, "");
    assert.equal(timeline.find(3).removed_at, 5_000);
    assert.equal(timeline.find(3).removed_by, "bob");
  });

  it("name the person who removed a message that was loaded as removed", () => {
    const timeline = new Timeline("alice");
    timeline.open([chat(1), { ...chat(2), text: "", removed_at: 3_000 }, removal(3, 2)], 3);
    assert.equal(timeline.find(2).removed_by, "bob");
  });

  it("make a new entry and leave the shown one unchanged", () => {
    const timeline = opened(1, 3);
    const before = timeline.find(2);
    timeline.receive(edit(4, 2, "mended"));
    assert.equal(before.text, "text 2");
    assert.notEqual(timeline.find(2), before);
  });

  it("change entries that are loaded later", () => {
    const timeline = opened(11, 20);
    timeline.receive(edit(21, 5, "mended"));
    timeline.prepend(run(1, 10));
    assert.equal(timeline.find(5).text, "mended");
  });

  it("don't undo a later edit that the message was loaded with", () => {
    const timeline = new Timeline("alice");
    timeline.open([chat(1, { text: "third", edited_at: 9_000 }), edit(2, 1, "second")], 9);
    assert.equal(timeline.find(1).text, "third");
  });

  it("are remembered for entries that are not shown yet", () => {
    const timeline = opened(1, 10, 100);
    timeline.receive(removal(101, 3));
    assert.ok(timeline.find(3).removed_at);
  });
});

describe("commands", () => {
  it("find their answer, wherever it is in the log", () => {
    const timeline = opened(1, 2);
    timeline.receive(chat(3, { kind: "command", data: { id: "c", name: "set", args: {} } }));
    assert.equal(timeline.answerTo(3), undefined);
    timeline.receive(chat(4));
    timeline.receive(chat(5, { kind: "answer", of: 3, data: { status: "succeeded" } }));
    assert.equal(timeline.answerTo(3).data.status, "succeeded");
  });
});

describe("pending messages", () => {
  it("are replaced by their entry, even if its push overtakes the reply", () => {
    const timeline = opened(1, 3);
    timeline.addPending({ key: "k", text: "hi" });
    assert.equal(timeline.pending[0].state, "sending");
    timeline.receive(chat(4, { author: "alice", key: "k" }));
    assert.deepEqual(timeline.pending, []);
    timeline.markStored("k", 4);
    assert.deepEqual(timeline.pending, []);
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
  });

  it("stay after the reply until their entry is pushed", () => {
    const timeline = opened(1, 3);
    timeline.addPending({ key: "k", text: "hi" });
    timeline.markStored("k", 5);
    assert.equal(timeline.pending[0].state, "stored");
    assert.equal(timeline.behind, true);
    timeline.receive(chat(4));
    assert.equal(timeline.pending.length, 1);
    timeline.receive(chat(5, { author: "alice", key: "k" }));
    assert.deepEqual(timeline.pending, []);
  });

  it("are not confused with another person's message of the same key", () => {
    const timeline = opened(1, 3);
    timeline.addPending({ key: "k", text: "hi" });
    timeline.receive(chat(4, { author: "bob", key: "k" }));
    assert.equal(timeline.pending.length, 1);
  });

  it("are found in a snapshot after a reconnect", () => {
    const timeline = opened(1, 3);
    timeline.addPending({ key: "k", text: "hi" });
    timeline.updatePending("k", { state: "waiting" });
    timeline.resume([chat(4, { author: "alice", key: "k" })], 4);
    assert.deepEqual(timeline.pending, []);
  });

  it("are settled if they were stored before the entries that are held, as after a reload", () => {
    const timeline = opened(51, 100);
    timeline.addPending({ key: "k", text: "hi" });
    timeline.markStored("k", 20);
    assert.deepEqual(timeline.pending, []);
  });

  it("keep the reason of their failure", () => {
    const timeline = opened(1, 3);
    timeline.addPending({ key: "k", text: "hi" });
    timeline.updatePending("k", { state: "failed", error: "no" });
    assert.deepEqual(timeline.pending, [{ key: "k", text: "hi", state: "failed", error: "no" }]);
    timeline.removePending("k");
    assert.deepEqual(timeline.pending, []);
  });
});
