// A room, or a conversation of two, on a page of its own.

import { connection, feed } from "../live/page_connection.js";
import { RoomView } from "../rooms/room_view.js";
import { pageData, setAvailability } from "../shell/dom.js";

const { room, person, open_at: openAt, closed } = pageData();
const view = new RoomView(document.getElementById("room"), { room, person, connection, feed, openAt, closed, link });

/** The address of a message of this page. */
function link(seq) {
  return `${location.pathname}?seq=${seq}`;
}

const availability = document.querySelector("[data-availability]");
if (availability) {
  setAvailability(availability, availability.dataset.status);
  connection.on("message", ({ room: id, kind, data }) => {
    if (id === room.id && kind === "availability") setAvailability(availability, data.status);
  });
}
// On a phone the keyboard would cover what one has come to read.
if (!closed && openAt === null && matchMedia("(hover: hover)").matches) view.focus();
