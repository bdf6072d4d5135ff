// The list of completions above the composer.

import { clone, selectAll, setText, targetOf } from "../shell/dom.js";

/** @import { Offer } from "./completion_source.js" */

export class CompletionList {
  #list;
  #text;
  /** @type {Offer[]} */
  #items = [];
  #chosen = 0;
  #onPick;

  /** @param {HTMLElement} list @param {HTMLTextAreaElement} text @param {(item: Offer) => void} onPick */
  constructor(list, text, onPick) {
    this.#list = list;
    this.#text = text;
    this.#onPick = onPick;
    list.id ||= "room-completion-list";
    text.setAttribute("aria-controls", list.id);
    // Not `click`: the text must keep the focus.
    list.addEventListener("pointerdown", (event) => {
      const item = targetOf(event).closest("[role=option]");
      event.preventDefault();
      if (item) this.#pick([...list.children].indexOf(item));
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** Shows these items. One that is typed already leaves the Enter key to the text. @param {Offer[]} items */
  show(items) {
    this.#items = items;
    this.#list.hidden = !items.length;
    this.#list.replaceChildren(
      ...items.map(({ label, help }, index) => {
        const row = clone("room-completion");
        row.root.id = `${this.#list.id}-${index}`;
        setText(row.text, label);
        setText(row.help, help);
        return row.root;
      }),
    );
    this.#choose(0);
  }

  close() {
    this.show([]);
  }

  /** Handles a key, and returns whether it was meant for the list. @param {KeyboardEvent} event */
  handleKey(event) {
    if (!this.isOpen) return false;
    const count = this.#items.length;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen - 1 + count) % count);
    else if (event.key === "Tab") this.#pick(this.#chosen);
    else if (event.key === "Enter" && !event.shiftKey && !this.#items[this.#chosen].isTyped) this.#pick(this.#chosen);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** @param {number} chosen */
  #choose(chosen) {
    this.#chosen = chosen;
    for (const [index, item] of selectAll(this.#list, "[role=option]").entries()) {
      item.setAttribute("aria-selected", String(index === chosen));
      if (index === chosen) item.scrollIntoView({ block: "nearest" });
    }
    if (this.isOpen) this.#text.setAttribute("aria-activedescendant", `${this.#list.id}-${chosen}`);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  /** @param {number} index */
  #pick(index) {
    this.#onPick(this.#items[index]);
  }
}
