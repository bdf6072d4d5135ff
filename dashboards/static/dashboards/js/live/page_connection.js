// The page's one live connection.

import { InboxFeed } from "../inbox/inbox_feed.js";
import { setServerTime } from "./clock.js";
import { Connection } from "./connection.js";
import { EventStreamSocket } from "./event_stream.js";
import { Feed } from "./feed.js";

const scheme = location.protocol === "https:" ? "wss:" : "ws:";

const isReachable = async () => {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
};

export const connection = new Connection(`${scheme}//${location.host}/ws/`, {
  Fallback: EventStreamSocket,
  reachable: isReachable,
});
export const feed = new Feed(connection);
export const inbox = new InboxFeed(connection);

const { person } = document.body.dataset;

connection.on("welcome", ({ user, time }) => {
  if (typeof time === "number") setServerTime(time);
  if (user === person) return;
  // Somebody else has signed in since, perhaps before this page came out of the back-forward cache: what it shows, and
  // what waits to be sent, is not theirs.
  connection.stop();
  location.reload();
});

// A page in the back-forward cache must not hold a socket, and lives again when it is shown again.
addEventListener("pagehide", () => connection.stop());
addEventListener("pageshow", ({ persisted }) => persisted && connection.start());
addEventListener("online", () => connection.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || connection.retryNow());
