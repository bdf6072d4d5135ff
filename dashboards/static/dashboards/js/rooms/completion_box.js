// The list of completions above the box to write in.

import { clone, setText } from "../shell/dom.js";

export class CompletionBox {
  #list;
  #text;
  #items = [];
  #chosen = 0;
  #picked;

  constructor(list, text, picked) {
    this.#list = list;
    this.#text = text;
    this.#picked = picked;
    list.id ||= "room-completion-list";
    text.setAttribute("aria-controls", list.id);
    // Not `click`: the text must keep the cursor.
    list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("[role=option]");
      event.preventDefault();
      if (item) this.#pick([...list.children].indexOf(item));
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** `items`: `[{text, label, help, typed}]`; one that is `typed` already leaves the Enter key to the text. */
  show(items) {
    this.#items = items;
    this.#chosen = 0;
    this.#list.hidden = !items.length;
    this.#list.replaceChildren(
      ...items.map(({ label, help }, index) => {
        const { root, text, help: more } = clone("room-completion");
        root.id = `${this.#list.id}-${index}`;
        setText(text, label);
        setText(more, help);
        return root;
      }),
    );
    this.#mark();
  }

  close() {
    this.show([]);
  }

  /** Whether the key was for the list. */
  key(event) {
    if (!this.isOpen) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Tab") this.#pick(this.#chosen);
    else if (event.key === "Enter" && !event.shiftKey && !this.#items[this.#chosen].typed) this.#pick(this.#chosen);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #move(step) {
    this.#chosen = (this.#chosen + step + this.#items.length) % this.#items.length;
    this.#mark();
  }

  #mark() {
    [...this.#list.children].forEach((item, index) => {
      item.setAttribute("aria-selected", String(index === this.#chosen));
      if (index === this.#chosen) item.scrollIntoView({ block: "nearest" });
    });
    if (this.isOpen) this.#text.setAttribute("aria-activedescendant", `${this.#list.id}-${this.#chosen}`);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  #pick(index) {
    this.#picked(this.#items[index]);
  }
}
