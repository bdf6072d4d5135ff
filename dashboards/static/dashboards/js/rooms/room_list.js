// The list of rooms beside a room: what is unread, who spoke last on top, and a filter.

import { setBadges } from "../inbox/badges.js";
import { countsOf } from "../inbox/inbox.js";
import { setText } from "../shell/dom.js";
import { showTimes } from "../shell/short_times.js";

/** Of a room that this page doesn't list, such as one of a space that was joined since, it is asked this seldom. */
const LOOK_AGAIN_MS = 60_000;

export class RoomList {
  #element;
  #filter;
  #rows = new Map(); // id -> row
  #asking = false;
  #missing = new Map(); // id of a room that was not found -> when

  constructor(element, filter, { connection, inbox }) {
    this.#element = element;
    this.#filter = filter;
    for (const row of element.querySelectorAll("[data-room-row]")) this.#rows.set(Number(row.dataset.roomRow), row);
    inbox.on((state) => this.#show(state));
    connection.on("activity", ({ room, at }) => this.#touch(room, at));
    connection.on("message", ({ room, at, kind }) => kind === "chat" && this.#touch(room, at)); // one's own, too
    filter.addEventListener("input", () => this.#select());
    this.#select();
    element.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  #show(state) {
    for (const [id, row] of this.#rows) {
      const counts = countsOf(state, id);
      setBadges(row, counts);
      row.toggleAttribute("data-unread", counts.unread > 0);
    }
  }

  /** Somebody has spoken there: the row goes to the top of its space. */
  #touch(id, at) {
    const row = this.#rows.get(id);
    if (!row) {
      this.#fetchRow(id);
      return;
    }
    const time = row.querySelector("time");
    if (Number(time.dataset.time) >= at) return;
    time.dataset.time = at;
    const list = row.closest("[data-group]").querySelector("[data-list]");
    if (list.firstElementChild !== row) keepFocus(row, () => list.prepend(row));
    showTimes(row);
  }

  /** A room that is new to this page is taken out of a fresh copy of it, where the server has written it. */
  async #fetchRow(id) {
    if (this.#asking || Date.now() - (this.#missing.get(id) ?? -Infinity) < LOOK_AGAIN_MS) return;
    this.#asking = true;
    this.#missing.set(id, Date.now());
    try {
      const response = await fetch(location.pathname);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const found = page.querySelector(`[data-room-row="${id}"]`);
      const slug = found?.closest("[data-group]").dataset.group;
      const group = [...this.#element.querySelectorAll("[data-group]")].find((one) => one.dataset.group === slug);
      if (!group) return;
      const row = document.adoptNode(found);
      group.querySelector("[data-list]").prepend(row);
      this.#rows.set(id, row);
      this.#missing.delete(id);
      showTimes(row);
    } catch {
      // the hub is away: asked for again when somebody speaks there later
    } finally {
      this.#asking = false;
    }
  }

  #select() {
    const text = this.#filter.value.trim();
    const words = text.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of this.#rows.values()) {
      const name = row.dataset.name.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const quiet of this.#element.querySelectorAll("[data-quiet]")) {
      quiet.hidden = !quiet.querySelector("[data-room-row]:not([hidden])");
      quiet.open = Boolean(text) || quiet.querySelector("[aria-current]") !== null;
    }
    this.#element.querySelector("[data-none]").hidden = shown > 0 || !this.#rows.size;
    const find = document.querySelector("[data-find]");
    find.hidden = !text;
    setText(find.querySelector("[data-find-words]"), text);
  }
}

/** A node that is moved loses the focus. */
function keepFocus(row, move) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  move();
  focused?.focus();
}
