import assert from "node:assert/strict";
import { it } from "node:test";

import { Unread } from "../../../dashboards/static/dashboards/js/rooms/unread.js";

const state = ({ after, count }) => [after, count];

it("the mark stands where the reader has stopped, also once more is said", () => {
  const unread = new Unread();
  unread.told(7, 3);
  unread.take(11, false);
  assert.deepEqual(state(unread), [7, 4]);
});

it("what is said before the reader's eyes gets no mark, and counts until it is drawn", () => {
  const unread = new Unread();
  unread.told(7, 0);
  unread.take(8, true);
  assert.deepEqual(state(unread), [null, 1]);
  assert.equal(unread.see(), true);
  assert.equal(unread.see(), false);
  assert.deepEqual(state(unread), [null, 0]);
});

it("the mark comes again each time the reader looks away", () => {
  const unread = new Unread();
  unread.take(2, false);
  unread.take(3, false);
  unread.see();
  assert.deepEqual(state(unread), [1, 0]);
  unread.take(4, false);
  assert.deepEqual(state(unread), [3, 1]);
});

it("the mark comes after a reconnect too, unless it stands already", () => {
  const unread = new Unread();
  unread.told(4, 0);
  unread.told(4, 30);
  assert.deepEqual(state(unread), [4, 30]);
  unread.told(9, 25);
  assert.deepEqual(state(unread), [4, 25]);
});

it("what was read elsewhere counts no more", () => {
  const unread = new Unread();
  unread.take(2, false);
  unread.told(2, 0);
  assert.equal(unread.count, 0);
  unread.take(3, false);
  assert.deepEqual(state(unread), [2, 1]);
});

it("who says something sees no mark", () => {
  const unread = new Unread();
  unread.told(4, 2);
  unread.unmark();
  assert.deepEqual(state(unread), [null, 2]);
});
