// What every signed-in page has: the drawer on small screens, the bar that tells of a lost connection, what is unread.

import { showBadges } from "../inbox/badges.js";
import { notify } from "../inbox/notifications.js";
import { connection, inbox } from "../live/page_connection.js";
import { setText } from "../shell/dom.js";
import { switcher } from "../shell/switcher.js";

const root = document.documentElement;

/** A page that has just been opened, or a blink of the network, is no loss worth telling of. */
const TELL_AFTER_MS = 1_500;
const BACK_SHOWN_MS = 2_500;

function drawer() {
  const toggle = document.querySelector("[data-navigation-toggle]");
  const shade = document.querySelector("[data-navigation-shade]");
  const open = (on) => {
    root.classList.toggle("navigation-open", on);
    toggle.setAttribute("aria-expanded", String(on));
    shade.hidden = !on;
    if (on) document.querySelector(".navigation a").focus();
  };
  toggle.addEventListener("click", () => open(true));
  shade.addEventListener("click", () => open(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || shade.hidden) return;
    open(false);
    toggle.focus();
  });
}

function connectionBar() {
  const text = document.querySelector("[data-connection-text]");
  const retry = document.querySelector("[data-connection-retry]");
  let timer;
  let countdown;

  const tell = () => {
    root.dataset.connection = "lost";
    setText(text, "Connection lost, trying again…");
  };
  const count = (retryAt) => {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    if (root.dataset.connection === "lost")
      setText(text, left > 1 ? `Connection lost, trying again in ${left} s` : "Connection lost, trying again…");
  };
  retry.addEventListener("click", () => connection.retryNow());

  connection.on("state", ({ state, retryAt, signIn }) => {
    clearInterval(countdown);
    retry.hidden = state !== "waiting";
    if (state === "open") {
      clearTimeout(timer);
      timer = null;
      if (root.dataset.connection !== "lost") return;
      root.dataset.connection = "back";
      setText(text, "Connected again");
      setTimeout(() => root.dataset.connection === "back" && delete root.dataset.connection, BACK_SHOWN_MS);
    } else if (state === "stopped") {
      clearTimeout(timer);
      timer = null;
      if (signIn)
        location.assign(
          `${document.body.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`,
        );
    } else {
      timer ??= setTimeout(tell, TELL_AFTER_MS);
      if (state === "waiting") countdown = setInterval(count, 500, retryAt);
    }
  });
}

drawer();
connectionBar();
showBadges(inbox);
notify(connection, inbox);
switcher(document.querySelector("[data-switcher]"), inbox);
connection.start();
