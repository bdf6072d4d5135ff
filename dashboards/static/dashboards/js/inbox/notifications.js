// Notifications of the browser for mentions and private messages, while no page of the hub is visible.

import { select } from "../shell/dom.js";
import { areOffered, choice } from "./notification_choice.js";
import { holdWhileVisible, isAnyTabVisible, isFirstToAnnounce } from "./tab_locks.js";

/** @import { HubConnection } from "../live/hub_connection.js" */
/** @import { InboxFeed } from "./inbox_feed.js" */

/** @typedef {{room: number, seq: number, title: string, text: string, url: string}} Notice */

const EXCERPT = 200;
const WORKER = "/notification-worker.js";

/**
 * Shows a notification for each mention and private message, if the person wants them.
 *
 * @param {HubConnection} connection
 * @param {InboxFeed} inbox
 */
export function initNotifications(connection, inbox) {
  if (!areOffered) return;
  holdWhileVisible();
  connection.on("direct", ({ from, room, seq, text }) => {
    const url = `/inbox/${encodeURIComponent(from)}/?seq=${seq}`;
    if (from !== inbox.me) notify({ room, seq, title: `Message from ${from}`, text, url });
  });
  connection.on("activity", ({ room, seq, author, text, mention }) => {
    if (mention) notify({ room, seq, title: `${author} mentions you`, text, url: `/rooms/${room}/?seq=${seq}` });
  });
}

/** @param {Notice} notice */
async function notify({ room, seq, title, text, url }) {
  if (choice() !== "on" || (await isAnyTabVisible()) || !(await isFirstToAnnounce(room, seq))) return;
  const icon = select(document, "link[rel=icon]", HTMLLinkElement).href;
  const options = { body: text.slice(0, EXCERPT), tag: `hubbub-${room}-${seq}`, icon };
  let notification;
  try {
    notification = new Notification(title, options);
  } catch {
    await notifyByWorker(title, { ...options, data: { url } });
    return;
  }
  notification.onclick = () => {
    notification.close();
    focus();
    location.assign(url);
  };
}

/**
 * For browsers in which pages can't show notifications themselves, such as those of phones.
 *
 * @param {string} title
 * @param {NotificationOptions} options
 */
async function notifyByWorker(title, options) {
  try {
    await navigator.serviceWorker.register(WORKER);
    await (await navigator.serviceWorker.ready).showNotification(title, options);
  } catch (error) {
    console.warn("This browser shows no notifications:", error);
  }
}
