// What can be done with a message: one bar that goes to the row under the pointer or with the focus, so that the Tab key
// has one stop in a log of hundreds.

import { clone } from "../shell/dom.js";

const SURE_MS = 4_000;

export class MessageTools {
  #bar;
  #log;
  #rowOf;
  #actions;
  #announce;
  #row = null;
  #sure;

  /**
   * `actions(row)`: those of `link`, `edit`, `remove` that are offered; `act(name, row)` does one. `announce(text)` has
   * it read aloud.
   */
  constructor(log, { rowOf, actions, act, announce }) {
    this.#bar = clone("room-tools").root;
    this.#log = log;
    this.#rowOf = rowOf;
    this.#actions = actions;
    this.#announce = announce;
    log.addEventListener("pointerover", ({ target }) => this.#follow(target));
    log.addEventListener("focusin", ({ target }) => this.#follow(target));
    log.addEventListener("pointerleave", () => this.#log.contains(document.activeElement) || this.hide());
    log.addEventListener("keydown", (event) => this.#key(event, act));
    this.#bar.addEventListener("click", ({ target }) => {
      const name = target.closest("[data-act]")?.dataset.act;
      if (name) this.#do(name, act);
    });
  }

  hide() {
    this.#calm();
    this.#bar.remove();
    this.#row = null;
  }

  #follow(target) {
    const row = this.#rowOf(target);
    if (!row || row === this.#row) return;
    const actions = this.#actions(row);
    const holder = target.closest("li.entry").querySelector("[data-part=tools]");
    if (!holder || !actions.length) return this.hide();
    this.#calm();
    this.#row = row;
    for (const button of this.#bar.querySelectorAll("[data-act]"))
      button.hidden = !actions.includes(button.dataset.act);
    holder.append(this.#bar);
  }

  /** A message is not gone by one click. */
  #do(name, act) {
    if (name === "remove" && !this.#sure) {
      this.#bar.classList.add("asking");
      this.#bar.querySelector("[data-act=remove]").setAttribute("aria-label", "Really delete?");
      this.#announce("Really delete?");
      this.#sure = setTimeout(() => this.#calm(), SURE_MS);
      return;
    }
    this.#calm();
    act(name, this.#row);
  }

  #calm() {
    clearTimeout(this.#sure);
    this.#sure = null;
    this.#bar.classList.remove("asking");
    this.#bar.querySelector("[data-act=remove]").setAttribute("aria-label", "Delete");
  }

  #key(event, act) {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const own = event.target.closest("li.entry");
    if (step) {
      event.preventDefault();
      this.#walk(own, step);
      return;
    }
    const row = own && event.target === own ? this.#rowOf(own) : null;
    const name = { e: "edit", c: "link", Delete: "remove" }[event.key];
    if (!row || !name || event.ctrlKey || event.metaKey || event.altKey || !this.#actions(row).includes(name)) return;
    event.preventDefault();
    this.#follow(own);
    this.#do(name, act);
  }

  #walk(from, step) {
    let to = from?.[step] ?? this.#log.querySelector("li.entry:last-of-type");
    while (to && !to.matches("li.entry")) to = to[step];
    to?.focus();
  }
}
