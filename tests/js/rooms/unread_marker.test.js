import assert from "node:assert/strict";
import { it } from "node:test";

import { UnreadMarker } from "../../../dashboards/static/dashboards/js/rooms/unread_marker.js";

const state = ({ after, count }) => [after, count];

it("the line stays where the reader has stopped when more messages arrive", () => {
  const unread = new UnreadMarker();
  unread.set(7, 3);
  unread.add(11, false);
  assert.deepEqual(state(unread), [7, 4]);
});

it("a message that the reader sees gets no line, and counts until it is drawn", () => {
  const unread = new UnreadMarker();
  unread.set(7, 0);
  unread.add(8, true);
  assert.deepEqual(state(unread), [null, 1]);
  assert.equal(unread.see(), true);
  assert.equal(unread.see(), false);
  assert.deepEqual(state(unread), [null, 0]);
});

it("the line appears again each time the reader looks away", () => {
  const unread = new UnreadMarker();
  unread.add(2, false);
  unread.add(3, false);
  unread.see();
  assert.deepEqual(state(unread), [1, 0]);
  unread.add(4, false);
  assert.deepEqual(state(unread), [3, 1]);
});

it("the line appears after a reconnect too, unless there is one already", () => {
  const unread = new UnreadMarker();
  unread.set(4, 0);
  unread.set(4, 30);
  assert.deepEqual(state(unread), [4, 30]);
  unread.set(9, 25);
  assert.deepEqual(state(unread), [4, 25]);
});

it("messages that were read elsewhere no longer count", () => {
  const unread = new UnreadMarker();
  unread.add(2, false);
  unread.set(2, 0);
  assert.equal(unread.count, 0);
  unread.add(3, false);
  assert.deepEqual(state(unread), [2, 1]);
});

it("a reader who posts sees no line", () => {
  const unread = new UnreadMarker();
  unread.set(4, 2);
  unread.removeLine();
  assert.deepEqual(state(unread), [null, 2]);
});
