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

test("a listener receives each state", () => {
  const { feed: inbox, snapshot } = feed();
  const seen = [];
  const end = inbox.onState(({ unread }) => seen.push(unread));
  snapshot(SNAPSHOT);
  end();
  snapshot({ ...SNAPSHOT, unread: 3 });
  assert.deepEqual(seen, [2]);
});

test("a listener that is added after the snapshot receives the state at once", () => {
  const { feed: inbox, snapshot } = feed();
  snapshot(SNAPSHOT);
  const seen = [];
  inbox.onState(({ unread }) => seen.push(unread));
  assert.deepEqual(seen, [2]);
});
