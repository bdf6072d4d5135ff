// The bar above the composer that shows what went wrong.

import { find, setText } from "../shell/dom.js";

/** @typedef {{seq: number, text: string}} Edit  of a message */

export class ProblemBar {
  #bar;
  #text;
  #again;
  /** @type {Edit | null} an edit that the hub did not accept, kept until the person edits again or dismisses it */
  #failedEdit = null;

  /** @param {HTMLElement} element @param {{editAgain: (edit: Edit) => void, dismissed: () => void}} handlers */
  constructor(element, { editAgain, dismissed }) {
    this.#bar = find(element, "problem");
    this.#text = find(element, "problem-text");
    this.#again = find(element, "problem-again");
    this.#again.addEventListener("click", () => {
      const edit = this.#failedEdit;
      this.show("", null);
      if (edit) editAgain(edit);
    });
    find(element, "problem-close").addEventListener("click", () => {
      this.show("", null);
      dismissed();
    });
  }

  /** @param {string} text  "" hides the bar @param {Edit | null} [failedEdit] */
  show(text, failedEdit = this.#failedEdit) {
    setText(this.#text, text);
    this.#failedEdit = failedEdit;
    this.#again.hidden = !failedEdit;
    this.#bar.hidden = !text;
  }

  /** The person goes on: hides the bar unless a failed edit would be lost with it. */
  clear() {
    if (!this.#failedEdit) this.show("");
  }
}
