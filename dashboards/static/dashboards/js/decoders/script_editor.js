// A text with numbered lines, one of which may be marked.

import { find, select } from "../shell/dom.js";

const LINE_PX = 20; // as in decoders.css
const PADDING_PX = 8;

export class ScriptEditor {
  #text;
  #lines;
  #mark;
  #marked = 0;
  #count = 0;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#text = select(root, "textarea", HTMLTextAreaElement);
    this.#lines = find(root, "script-lines");
    this.#mark = find(root, "script-mark");
    this.#text.addEventListener("input", () => {
      this.mark(0);
      this.#number();
    });
    this.#text.addEventListener("scroll", () => this.#follow());
    this.#number();
  }

  get script() {
    return this.#text.value;
  }

  /** Marks a line as faulty; 0: none. @param {number} line */
  mark(line) {
    this.#marked = line;
    this.#mark.hidden = line === 0;
    this.#follow();
  }

  /** Brings a line into view, with the cursor in it. @param {number} line */
  goTo(line) {
    const start = this.script.split("\n", line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    this.#text.focus();
    this.#text.setSelectionRange(start, start);
    this.#text.scrollTop = (line - 1) * LINE_PX - this.#text.clientHeight / 3;
  }

  #number() {
    const count = this.script.split("\n").length;
    if (count === this.#count) return;
    this.#count = count;
    this.#lines.textContent = Array.from({ length: count }, (_, i) => i + 1).join("\n");
    this.#follow();
  }

  #follow() {
    this.#lines.scrollTop = this.#text.scrollTop;
    this.#mark.style.transform = `translateY(${PADDING_PX + (this.#marked - 1) * LINE_PX - this.#text.scrollTop}px)`;
  }
}
