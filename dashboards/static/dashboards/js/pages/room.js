// A room, or a conversation of two, on a page of its own.

import { setAvailability } from "../device/status_labels.js";
import { RoomView } from "../rooms/room_view.js";
import { pageData, select } from "../shell/dom.js";
import { connection, feed } from "./page_connection.js";

const { room, person, open_at: openAt, closed } = pageData();
const link = (/** @type {number} */ seq) => `${location.pathname}?seq=${seq}`;
const view = new RoomView(select(document, "#room"), { room, person, connection, feed, openAt, closed, link });

const availability = /** @type {HTMLElement | null} */ (document.querySelector("[data-availability]"));
if (availability) {
  setAvailability(availability, String(availability.dataset.status), availability.dataset.via);
  connection.on("message", ({ room: id, kind, data }) => {
    if (id === room.id && kind === "availability") setAvailability(availability, data.status, data.via);
  });
}
// On a phone the keyboard would cover what the person wants to read.
if (!closed && openAt === null && matchMedia("(hover: hover)").matches) view.focus();
