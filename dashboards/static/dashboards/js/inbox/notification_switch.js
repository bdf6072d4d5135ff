// The switch for notifications. The browser asks the person only after a click, never when a page opens.

import { find, selectAll, setText } from "../shell/dom.js";
import { areOffered, choice, choose, onChoice } from "./notification_choice.js";

const TEXTS = {
  on: ["On for mentions and private messages", "Turn off"],
  off: ["Off for mentions and private messages", "Turn on"],
  denied: ["Your browser blocks notifications for this site; you can change that in its site settings.", ""],
};

/**
 * Wires the `[data-notifications]` of parts/notification_switch.html.
 *
 * @param {HTMLElement} element
 */
export function initNotificationSwitch(element) {
  if (!areOffered) return;
  const toggle = find(element, "notifications-toggle");
  const show = () => {
    const chosen = choice();
    const [text, action] = TEXTS[chosen];
    setText(find(element, "notifications-text"), text);
    setText(toggle, action);
    toggle.hidden = !action;
    toggle.setAttribute("aria-pressed", String(chosen === "on"));
    for (const icon of selectAll(element, "[data-notifications-icon]"))
      icon.hidden = icon.dataset.notificationsIcon !== (chosen === "on" ? "on" : "off");
  };
  toggle.addEventListener("click", async () => {
    await choose(choice() !== "on");
    show();
  });
  onChoice(show);
  show();
  element.hidden = false;
}
