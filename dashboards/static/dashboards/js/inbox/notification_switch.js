// Turns notifications on and off. The browser is asked on a click alone, never when a page opens.

import { setText } from "../shell/dom.js";
import { areOffered, choice, choose, onChoice } from "./notifications.js";

const WORDS = {
  on: ["On for mentions and private messages", "Turn off"],
  off: ["Off for mentions and private messages", "Turn on"],
  denied: ["Your browser blocks them for this site; its site settings can change that.", ""],
};

/** Brings the `[data-notifications]` of parts/notification_switch.html to life. */
export function notificationSwitch(element) {
  if (!areOffered) return;
  const toggle = element.querySelector("[data-notifications-toggle]");
  const show = () => {
    const chosen = choice();
    const [text, action] = WORDS[chosen];
    setText(element.querySelector("[data-notifications-text]"), text);
    setText(toggle, action);
    toggle.hidden = !action;
    toggle.setAttribute("aria-pressed", String(chosen === "on"));
    for (const icon of element.querySelectorAll("[data-notifications-icon]")) {
      icon.hidden = icon.dataset.notificationsIcon !== (chosen === "on" ? "on" : "off");
    }
  };
  toggle.addEventListener("click", async () => {
    await choose(choice() !== "on");
    show();
  });
  onChoice(show);
  show();
  element.hidden = false;
}
