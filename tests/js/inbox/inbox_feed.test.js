import assert from "node:assert/strict";
import { test } from "node:test";

import { InboxFeed } from "../../../dashboards/static/dashboards/js/inbox/inbox_feed.js";

const SNAPSHOT = { direct: 0, mentions: 0, unread: 2, conversations: [], rooms: [] };

/** A connection that hands over the subscription to the inbox. */
function feed() {
  const made = {};
  made.feed = new InboxFeed({ on() {}, subscribe: (_, listeners) => Object.assign(made, listeners) });
  return made;
}

test("a listener is told of each state", () => {
  const { feed: inbox, snapshot } = feed();
  const told = [];
  const end = inbox.onState(({ unread }) => told.push(unread));
  snapshot(SNAPSHOT);
  end();
  snapshot({ ...SNAPSHOT, unread: 3 });
  assert.deepEqual(told, [2]);
});

test("a listener that comes after the snapshot is told at once", () => {
  const { feed: inbox, snapshot } = feed();
  snapshot(SNAPSHOT);
  const told = [];
  inbox.onState(({ unread }) => told.push(unread));
  assert.deepEqual(told, [2]);
});
