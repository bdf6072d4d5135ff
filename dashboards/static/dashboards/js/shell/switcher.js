// Ctrl+K: a few letters, Enter, and one is in the room, with the person, at the device.

import { setBadges } from "../inbox/badges.js";
import { countsOf } from "../inbox/inbox.js";
import { clone, setText } from "./dom.js";
import { rank } from "./places.js";

const KINDS = { room: "Room", person: "Person", device: "Device", dashboard: "Dashboard" };

class Switcher {
  #dialog;
  #text;
  #list;
  #note;
  #places = null; // asked for when it is first opened
  #chosen = 0;
  #counts = () => ({ unread: 0, mentions: 0 });

  constructor(dialog, inbox) {
    this.#dialog = dialog;
    this.#text = dialog.querySelector("[data-switcher-text]");
    this.#list = dialog.querySelector("[data-switcher-list]");
    this.#note = dialog.querySelector("[data-switcher-note]");
    inbox.on((state) => {
      this.#counts = (room) => countsOf(state, room);
    });
    this.#text.addEventListener("input", () => this.#show());
    dialog.addEventListener("keydown", (event) => this.#key(event));
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // the shade around it
  }

  async open() {
    if (this.#dialog.open) return;
    this.#text.value = "";
    this.#dialog.showModal();
    this.#text.focus();
    if (!this.#places) await this.#ask();
    this.#show();
  }

  async #ask() {
    this.#tell("Looking…");
    try {
      const response = await fetch(this.#dialog.dataset.places, { headers: { Accept: "application/json" } });
      if (response.ok && !response.redirected) this.#places = (await response.json()).places;
    } catch {
      // told by #show
    }
  }

  #show() {
    if (!this.#places) {
      this.#list.replaceChildren();
      this.#tell("The hub can’t be reached.");
      return;
    }
    const counts = new Map(this.#places.filter(({ room }) => room).map(({ room }) => [room, this.#counts(room)]));
    const found = rank(this.#places, this.#text.value, counts);
    this.#list.replaceChildren(...found.map((place, n) => this.#row(place, n, counts)));
    this.#tell(found.length ? "" : "Nothing of that name.");
    this.#choose(0);
  }

  #row({ kind, name, hint, url, room }, n, counts) {
    const row = clone("place-row");
    row.root.id = `place-${n}`;
    row.link.href = url;
    row[kind].dataset.kind = kind;
    setText(row.name, name);
    setText(row.hint, hint === name ? "" : hint);
    row.kind.textContent = KINDS[kind];
    setBadges(row.badges, counts.get(room) ?? { unread: 0, mentions: 0 });
    return row.root;
  }

  #choose(n) {
    const rows = [...this.#list.children];
    this.#chosen = rows.length ? (n + rows.length) % rows.length : 0;
    rows.forEach((row, place) => row.setAttribute("aria-selected", String(place === this.#chosen)));
    rows[this.#chosen]?.scrollIntoView({ block: "nearest" });
    if (rows.length) this.#text.setAttribute("aria-activedescendant", rows[this.#chosen].id);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose(this.#chosen + step);
    else if (event.key === "Enter") this.#list.children[this.#chosen]?.querySelector("a").click();
    else return;
    event.preventDefault();
  }

  #tell(text) {
    setText(this.#note, text);
    this.#note.hidden = !text;
  }
}

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** Opens `dialog` (parts/switcher.html) on Ctrl+K, on a Mac ⌘K, and from its button. */
export function switcher(dialog, inbox) {
  const made = new Switcher(dialog, inbox);
  const button = document.querySelector("[data-switcher-open]");
  if (isApple) setText(button.querySelector("[data-switcher-key]"), "⌘K");
  button.addEventListener("click", () => made.open());
  document.addEventListener("keydown", (event) => {
    const pressed = isApple ? event.metaKey : event.ctrlKey;
    if (!pressed || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    made.open();
  });
}
