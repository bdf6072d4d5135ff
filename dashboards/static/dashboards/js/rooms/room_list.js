// The list of rooms: unread counts, rooms with new messages on top, and a filter.

import { countsOf } from "../inbox/inbox_state.js";
import { setBadges } from "../inbox/unread_badges.js";
import { find, selectAll, setText } from "../shell/dom.js";
import { fetchOwnPage } from "../shell/page_copy.js";
import { showTimes } from "../shell/time_elements.js";

/** @import { InboxFeed } from "../inbox/inbox_feed.js" */
/** @import { InboxState } from "../inbox/inbox_state.js" */
/** @import { HubConnection } from "../live/hub_connection.js" */

/** A room that this page does not list, such as one of a space joined since, is not looked up again for this long. */
const LOOK_AGAIN_MS = 60_000;

export class RoomList {
  #element;
  #filter;
  /** @type {Map<number, HTMLElement>} by id */
  #rows = new Map();
  #isFetching = false;
  /** @type {Map<number, number>} when a room was not found, by id */
  #missingAt = new Map();

  /**
   * @param {HTMLElement} element
   * @param {HTMLInputElement} filter
   * @param {{connection: HubConnection, inbox: InboxFeed}} feeds
   */
  constructor(element, filter, { connection, inbox }) {
    this.#element = element;
    this.#filter = filter;
    for (const row of selectAll(element, "[data-room-row]")) this.#rows.set(Number(row.dataset.roomRow), row);
    inbox.onState((state) => this.#showCounts(state));
    connection.on("activity", ({ room, at }) => this.#moveUp(room, at));
    connection.on("message", ({ room, at, kind }) => kind === "chat" && this.#moveUp(room, at)); // one's own, too
    filter.addEventListener("input", () => this.#applyFilter());
    this.#applyFilter();
    element.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {InboxState} state */
  #showCounts(state) {
    for (const [id, row] of this.#rows) {
      const counts = countsOf(state, id);
      setBadges(row, counts);
      row.toggleAttribute("data-unread", counts.unread > 0);
    }
  }

  /** A room with a new message goes to the top of its space. @param {number} id @param {number} at */
  #moveUp(id, at) {
    const row = this.#rows.get(id);
    const time = row?.querySelector("time");
    if (!row || !time) {
      this.#fetchRow(id);
      return;
    }
    if (Number(time.dataset.time) >= at) return;
    time.dataset.time = String(at);
    const list = row.closest("[data-group]")?.querySelector("[data-list]");
    if (list && list.firstElementChild !== row) keepFocus(row, () => list.prepend(row));
    showTimes(row);
  }

  /** Takes the row of a new room from a fresh copy of the page, where the server has rendered it. @param {number} id */
  async #fetchRow(id) {
    if (this.#isFetching || Date.now() - (this.#missingAt.get(id) ?? -Infinity) < LOOK_AGAIN_MS) return;
    this.#isFetching = true;
    this.#missingAt.set(id, Date.now());
    try {
      const found = (await fetchOwnPage()).querySelector(`[data-room-row="${id}"]`);
      const slug = found?.closest("[data-group]")?.getAttribute("data-group");
      const group = selectAll(this.#element, "[data-group]").find((one) => one.dataset.group === slug);
      if (!found || !group) return;
      const row = /** @type {HTMLElement} */ (document.adoptNode(found));
      find(group, "list").prepend(row);
      this.#rows.set(id, row);
      this.#missingAt.delete(id);
      showTimes(row);
    } catch {
      // the hub is unavailable: a later message in the room tries again
    } finally {
      this.#isFetching = false;
    }
  }

  #applyFilter() {
    const text = this.#filter.value.trim();
    const words = text.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of this.#rows.values()) {
      const name = String(row.dataset.name).toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const quiet of selectAll(this.#element, "[data-quiet]", HTMLDetailsElement)) {
      quiet.hidden = !quiet.querySelector("[data-room-row]:not([hidden])");
      quiet.open = Boolean(text) || quiet.querySelector("[aria-current]") !== null;
    }
    find(this.#element, "none").hidden = shown > 0 || !this.#rows.size;
    const search = find(document, "find");
    search.hidden = !text;
    setText(find(search, "find-words"), text);
  }
}

/** Moving a node takes the focus away from it. @param {HTMLElement} row @param {() => void} move */
function keepFocus(row, move) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  move();
  if (focused instanceof HTMLElement) focused.focus();
}
