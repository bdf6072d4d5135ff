// Rooms, the inbox, and what each shows on its left.

import { ConversationList } from "../inbox/conversation_list.js";
import { notificationSwitch } from "../inbox/notification_switch.js";
import { connection, inbox } from "../live/page_connection.js";
import { peopleFilter } from "../rooms/people_filter.js";
import { RoomList } from "../rooms/room_list.js";
import { showFaces } from "../shell/faces.js";
import { everySecond } from "../shell/frame.js";
import { showTimes } from "../shell/short_times.js";

const find = (name) => document.querySelector(`[data-${name}]`);

/** Small forms and menus close where one clicks beside them, and with Escape. */
function closingDetails(selector) {
  const close = (element) => {
    const hadFocus = element.contains(document.activeElement);
    element.open = false;
    if (hadFocus) element.querySelector("summary").focus();
  };
  const open = () => document.querySelectorAll(`:is(${selector})[open]`);
  document.addEventListener("click", ({ target }) => {
    for (const element of open()) if (!element.contains(target)) element.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") for (const element of open()) close(element);
  });
  for (const element of document.querySelectorAll(selector)) {
    element.addEventListener(
      "toggle",
      () => element.open && element.querySelector("input:not([type=hidden])")?.focus(),
    );
  }
}

if (find("rooms")) new RoomList(find("rooms"), find("filter"), { connection, inbox });
if (find("conversations")) new ConversationList(find("conversations"), inbox);
for (const people of document.querySelectorAll("[data-people-picker]")) peopleFilter(people);
notificationSwitch(find("notifications"));
closingDetails(".new-room, .talk-menu");
showTimes(document);
showFaces(document);
everySecond(() => showTimes(document));
