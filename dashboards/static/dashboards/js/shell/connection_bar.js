// The bar that reports a lost connection.

import { find, setText } from "./dom.js";

/** @import { HubConnection } from "../live/hub_connection.js" */

/** A page that was just opened, or a blink of the network, is not reported. */
const REPORT_AFTER_MS = 1_500;
const BACK_SHOWN_MS = 2_500;
const LOST = "Connection lost, trying again…";

/** @param {HubConnection} connection */
export function initConnectionBar(connection) {
  const root = document.documentElement;
  const text = find(document, "connection-text");
  const retry = find(document, "connection-retry");
  /** @type {any} */
  let reportTimer = null;
  /** @type {any} */
  let countdown;

  const showLost = () => {
    root.dataset.connection = "lost";
    setText(text, LOST);
  };
  const showCountdown = (/** @type {number} */ retryAt) => {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    if (root.dataset.connection === "lost")
      setText(text, left > 1 ? `Connection lost, trying again in ${left} s` : LOST);
  };
  const showBack = () => {
    if (root.dataset.connection !== "lost") return;
    root.dataset.connection = "back";
    setText(text, "Connected again");
    setTimeout(() => root.dataset.connection === "back" && delete root.dataset.connection, BACK_SHOWN_MS);
  };
  const goToSignIn = () => {
    const here = encodeURIComponent(location.pathname + location.search);
    location.assign(`${document.body.dataset.signIn}?next=${here}`);
  };

  retry.addEventListener("click", () => connection.retryNow());
  connection.on("state", ({ state, retryAt = 0, signIn }) => {
    clearInterval(countdown);
    retry.hidden = state !== "waiting";
    if (state === "waiting") countdown = setInterval(showCountdown, 500, retryAt);
    if (state === "waiting" || state === "connecting") {
      reportTimer ??= setTimeout(showLost, REPORT_AFTER_MS);
      return;
    }
    clearTimeout(reportTimer);
    reportTimer = null;
    if (state === "open") showBack();
    else if (signIn) goToSignIn();
  });
}
