// Who is in the room, and who is typing.

import { initialOf, makeAvatar } from "../shell/avatars.js";
import { hueOfAuthor } from "../shell/colours.js";
import { clone, find, select, setText, targetOf } from "../shell/dom.js";
import { typingText } from "./entry_texts.js";

const MAX_AVATARS = 3;

export class RoomPresence {
  #avatars;
  #count;
  #list;
  #typing;
  #details;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#avatars = find(element, "avatars");
    this.#count = find(element, "people-count");
    this.#list = find(element, "people-list");
    this.#typing = find(element, "typing");
    this.#details = find(element, "people", HTMLDetailsElement);
    this.showPresent([]);
    document.addEventListener("pointerdown", (event) => {
      if (!this.#details.contains(targetOf(event))) this.#details.open = false;
    });
    this.#details.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape" || !this.#details.open) return;
      this.#details.open = false;
      select(this.#details, "summary").focus();
    });
  }

  /** @param {string[]} names */
  showPresent(names) {
    const sorted = [...names].sort((a, b) => a.localeCompare(b));
    const first = sorted.slice(0, MAX_AVATARS);
    this.#details.hidden = !sorted.length;
    setText(this.#count, String(sorted.length));
    select(this.#details, "summary").setAttribute("aria-label", `${sorted.length} here: ${first.join(", ")}`);
    this.#avatars.replaceChildren(...first.map(makeAvatar));
    this.#list.replaceChildren(...sorted.map(makeRow));
  }

  /** @param {string[]} names */
  showTyping(names) {
    setText(this.#typing, typingText(names));
  }
}

/** @param {string} name @returns {HTMLElement} */
function makeRow(name) {
  const row = clone("room-person");
  row.root.classList.add(`hue-${hueOfAuthor(name)}`);
  setText(row.avatar, initialOf(name));
  setText(row.name, name);
  return row.root;
}
