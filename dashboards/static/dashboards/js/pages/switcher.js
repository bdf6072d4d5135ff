// Ctrl+K: a few letters and Enter lead to a room, a person, a device or a dashboard.

import { countsOf } from "../inbox/inbox_state.js";
import { setBadges } from "../inbox/unread_badges.js";
import { getJson } from "../live/http.js";
import { clone, find, setText } from "../shell/dom.js";
import { searchPlaces } from "./place_search.js";

/** @import { InboxFeed } from "../inbox/inbox_feed.js" */
/** @import { Counts, Place } from "./place_search.js" */

/** @type {Record<string, string>} */
const KINDS = { room: "Room", person: "Person", device: "Device", dashboard: "Dashboard" };
const NO_COUNTS = { unread: 0, mentions: 0 };

class Switcher {
  #dialog;
  #text;
  #list;
  #note;
  /** @type {Place[] | null} fetched when the dialog is first opened */
  #places = null;
  #chosen = 0;
  /** @type {(room: number) => Counts} */
  #countsOf = () => NO_COUNTS;

  /** @param {HTMLDialogElement} dialog @param {InboxFeed} inbox */
  constructor(dialog, inbox) {
    this.#dialog = dialog;
    this.#text = find(dialog, "switcher-text", HTMLInputElement);
    this.#list = find(dialog, "switcher-list");
    this.#note = find(dialog, "switcher-note");
    inbox.onState((state) => {
      this.#countsOf = (room) => countsOf(state, room);
    });
    this.#text.addEventListener("input", () => this.#search());
    dialog.addEventListener("keydown", (event) => this.#handleKey(event));
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // the backdrop
  }

  async open() {
    if (this.#dialog.open) return;
    this.#text.value = "";
    this.#dialog.showModal();
    this.#text.focus();
    if (!this.#places) await this.#fetchPlaces();
    this.#search();
  }

  async #fetchPlaces() {
    this.#showNote("Loading…");
    const answer = await getJson(String(this.#dialog.dataset.places)).catch(() => null);
    this.#places = answer?.places ?? null;
  }

  #search() {
    if (!this.#places) {
      this.#list.replaceChildren();
      this.#showNote("The hub can’t be reached.");
      return;
    }
    const rooms = this.#places.flatMap(({ room }) => room ?? []);
    const counts = new Map(rooms.map((room) => [room, this.#countsOf(room)]));
    const found = searchPlaces(this.#places, this.#text.value, counts);
    this.#list.replaceChildren(...found.map((place, index) => this.#makeRow(place, index, counts)));
    this.#showNote(found.length ? "" : "No matches");
    this.#choose(0);
  }

  /** @param {Place} place @param {number} index @param {Map<number | undefined, Counts>} counts */
  #makeRow({ kind, name, hint, url, room }, index, counts) {
    const row = clone("place-row");
    row.root.id = `place-${index}`;
    row.link.href = url;
    row[kind].dataset.kind = kind;
    setText(row.name, name);
    setText(row.hint, hint === name ? "" : hint);
    setText(row.kind, KINDS[kind]);
    setBadges(row.badges, counts.get(room) ?? NO_COUNTS);
    return row.root;
  }

  /** @param {number} index */
  #choose(index) {
    const rows = [...this.#list.children];
    this.#chosen = rows.length ? (index + rows.length) % rows.length : 0;
    for (const [place, row] of rows.entries()) row.setAttribute("aria-selected", String(place === this.#chosen));
    rows[this.#chosen]?.scrollIntoView({ block: "nearest" });
    if (rows.length) this.#text.setAttribute("aria-activedescendant", rows[this.#chosen].id);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp")
      this.#choose(this.#chosen + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter") this.#list.children[this.#chosen]?.querySelector("a")?.click();
    else return;
    event.preventDefault();
  }

  /** @param {string} text */
  #showNote(text) {
    setText(this.#note, text);
    this.#note.hidden = !text;
  }
}

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * Opens `dialog` (parts/switcher.html) on Ctrl+K, on a Mac ⌘K, and from its button.
 *
 * @param {HTMLDialogElement} dialog
 * @param {InboxFeed} inbox
 */
export function initSwitcher(dialog, inbox) {
  const switcher = new Switcher(dialog, inbox);
  const button = find(document, "switcher-open");
  if (isApple) setText(find(button, "switcher-key"), "⌘K");
  button.addEventListener("click", () => switcher.open());
  document.addEventListener("keydown", (event) => {
    const pressed = isApple ? event.metaKey : event.ctrlKey;
    if (!pressed || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    switcher.open();
  });
}
