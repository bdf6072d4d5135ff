// The toolbar of a message. One bar moves to the row under the pointer or with the focus, so that a log of hundreds of
// messages is one stop of the Tab key.

import { clone, select, selectAll, targetOf } from "../shell/dom.js";

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { RowActions, Tool } from "./row_actions.js" */

/** How long the question whether to delete a message stays. */
const CONFIRM_MS = 4_000;
/** @type {Record<string, Tool>} */
const KEYS = { e: "edit", c: "link", Delete: "remove" };

export class MessageToolbar {
  /** @type {HTMLElement} */
  #bar = clone("room-tools").root;
  #log;
  #entryOf;
  #actions;
  #announce;
  /** @type {Entry | null} */
  #entry = null;
  /** @type {any} */
  #confirming = null;

  /**
   * @param {HTMLElement} log
   * @param {object} options
   * @param {(element: Element) => Entry | undefined} options.entryOf  the entry of the row that an element belongs to
   * @param {RowActions} options.actions
   * @param {(text: string) => void} options.announce
   */
  constructor(log, { entryOf, actions, announce }) {
    this.#log = log;
    this.#entryOf = entryOf;
    this.#actions = actions;
    this.#announce = announce;
    log.addEventListener("pointerover", (event) => this.#follow(targetOf(event)));
    log.addEventListener("focusin", (event) => this.#follow(targetOf(event)));
    log.addEventListener("pointerleave", () => log.contains(document.activeElement) || this.#hide());
    log.addEventListener("keydown", (event) => this.#handleKey(event));
    for (const button of this.#buttons) button.addEventListener("click", () => this.#run(toolOf(button)));
  }

  get #buttons() {
    return selectAll(this.#bar, "[data-act]");
  }

  #hide() {
    this.#endConfirmation();
    this.#bar.remove();
    this.#entry = null;
  }

  /** @param {HTMLElement} target */
  #follow(target) {
    const row = target.closest("li.entry");
    const entry = this.#entryOf(target);
    if (!row || (entry && entry === this.#entry)) return;
    const holder = row.querySelector("[data-part=tools]");
    if (!entry || !holder) {
      this.#hide();
      return;
    }
    this.#endConfirmation();
    this.#entry = entry;
    const tools = this.#actions.toolsFor(entry);
    for (const button of this.#buttons) button.hidden = !tools.includes(toolOf(button));
    holder.append(this.#bar);
  }

  /** Runs a tool. A message is not deleted by a single click. @param {Tool} tool */
  #run(tool) {
    if (!this.#entry) return;
    if (tool === "remove" && !this.#confirming) {
      this.#bar.classList.add("asking");
      select(this.#bar, "[data-act=remove]").setAttribute("aria-label", "Really delete?");
      this.#announce("Really delete?");
      this.#confirming = setTimeout(() => this.#endConfirmation(), CONFIRM_MS);
      return;
    }
    this.#endConfirmation();
    this.#actions.run(tool, this.#entry);
  }

  #endConfirmation() {
    clearTimeout(this.#confirming);
    this.#confirming = null;
    this.#bar.classList.remove("asking");
    select(this.#bar, "[data-act=remove]").setAttribute("aria-label", "Delete");
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    const row = targetOf(event).closest("li.entry");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#moveFocus(row, event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling");
      return;
    }
    const entry = row && event.target === row ? this.#entryOf(row) : undefined;
    const tool = KEYS[event.key];
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (!row || !entry || !tool || hasModifier || !this.#actions.toolsFor(entry).includes(tool)) return;
    event.preventDefault();
    this.#follow(/** @type {HTMLElement} */ (row));
    this.#run(tool);
  }

  /** @param {Element | null} from @param {"nextElementSibling" | "previousElementSibling"} direction */
  #moveFocus(from, direction) {
    let next = from ? from[direction] : this.#log.querySelector("li.entry:last-of-type");
    while (next && !next.matches("li.entry")) next = next[direction];
    if (next instanceof HTMLElement) next.focus();
  }
}

/** @param {HTMLElement} button */
const toolOf = (button) => /** @type {Tool} */ (button.dataset.act);
