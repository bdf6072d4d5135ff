// Rooms and inbox, and the lists beside them.

import { ConversationList } from "../inbox/conversation_list.js";
import { initNotificationSwitch } from "../inbox/notification_switch.js";
import { initPeopleFilter } from "../rooms/people_filter.js";
import { RoomList } from "../rooms/room_list.js";
import { everySecond } from "../shell/animation_frames.js";
import { showAvatars } from "../shell/avatars.js";
import { find, select, selectAll, targetOf } from "../shell/dom.js";
import { showTimes } from "../shell/time_elements.js";
import { connection, inbox } from "./page_connection.js";

/** Small forms and menus close on a click beside them and with Escape. @param {string} selector */
function initDetails(selector) {
  const all = selectAll(document, `:is(${selector})`, HTMLDetailsElement);
  document.addEventListener("click", (event) => {
    for (const element of all) if (!element.contains(targetOf(event))) element.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const element of all.filter(({ open }) => open)) {
      const hadFocus = element.contains(document.activeElement);
      element.open = false;
      if (hadFocus) select(element, "summary").focus();
    }
  });
  for (const element of all) {
    element.addEventListener("toggle", () => {
      const input = element.querySelector("input:not([type=hidden])");
      if (element.open && input instanceof HTMLElement) input.focus();
    });
  }
}

for (const rooms of selectAll(document, "[data-rooms]"))
  new RoomList(rooms, find(document, "filter", HTMLInputElement), { connection, inbox });
for (const list of selectAll(document, "[data-conversations]")) new ConversationList(list, inbox);
for (const people of selectAll(document, "[data-people-picker]")) initPeopleFilter(people);
initNotificationSwitch(find(document, "notifications"));
initDetails(".new-room, .messaging-menu");
showTimes(document);
showAvatars(document);
everySecond(() => showTimes(document));
