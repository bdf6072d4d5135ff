// The one live connection of a page, and the feeds that share it.

import { InboxFeed } from "../inbox/inbox_feed.js";
import { DeviceFeed } from "../live/device_feed.js";
import { EventStreamSocket } from "../live/event_stream_socket.js";
import { setServerTime } from "../live/hub_clock.js";
import { HubConnection } from "../live/hub_connection.js";

const scheme = location.protocol === "https:" ? "wss:" : "ws:";

const isReachable = async () => {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
};

export const connection = new HubConnection(`${scheme}//${location.host}/ws/`, {
  Fallback: EventStreamSocket,
  reachable: isReachable,
});
export const feed = new DeviceFeed(connection);
export const inbox = new InboxFeed(connection);

const { person } = document.body.dataset;

connection.on("welcome", ({ user, time }) => {
  if (typeof time === "number") setServerTime(time);
  if (user === person) return;
  // Another person has signed in since, perhaps while this page was in the back-forward cache: what it shows and what
  // it has yet to send are not theirs.
  connection.stop();
  location.reload();
});

// A page in the back-forward cache must not hold a socket. It reconnects when it is shown again.
addEventListener("pagehide", () => connection.stop());
addEventListener("pageshow", ({ persisted }) => persisted && connection.start());
addEventListener("online", () => connection.wake());
document.addEventListener("visibilitychange", () => document.hidden || connection.wake());
