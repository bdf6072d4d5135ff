// The box to write in.

import { setText } from "../shell/dom.js";
import { CompletionBox } from "./completion_box.js";
import { emojiBox } from "./emoji.js";

const MOST = 2_000;
/** Characters left from which on the count shows. */
const COUNT_FROM = 200;
/** Keys that move the caret, and with it what can be completed. */
const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
/** The style sheet lets the box grow with its text. */
const growsByItself = CSS.supports("field-sizing", "content");

/**
 * `tell(name, detail)`: `say` text, `file` `{file, text}`, `save` `{seq, text}` (an edited message), `typing`, `last`
 * (wants the last own message to edit). `draft`: the room's `Draft`. `completer`: a `Completer`.
 */
export class Composer {
  #parts;
  #draft;
  #completer;
  #tell;
  #box;
  #editing = null; // seq
  #closed = "";
  #start = 0; // of what the completions would replace
  #again = null; // to the change that was not taken: {seq, text}

  constructor(element, { draft, completer, tell }) {
    const find = (name) => element.querySelector(`[data-${name}]`);
    const names = [
      "composer",
      "text",
      "count",
      "send",
      "attach",
      "file",
      "problem",
      "problem-text",
      "problem-again",
      "problem-close",
      "editing",
      "editing-end",
      "hint",
      "drop",
      "log",
    ];
    this.#parts = Object.fromEntries(names.map((name) => [name, find(name)]));
    this.#draft = draft;
    this.#completer = completer;
    this.#tell = tell;
    this.#box = new CompletionBox(find("completion"), this.#parts.text, (item) => this.#complete(item));
    emojiBox(find("emoji"), find("emoji-toggle"), (emoji) => this.#insert(emoji));
    this.#listen(element);
    this.#parts.text.value = draft.text;
    this.#changed();
  }

  get text() {
    return this.#parts.text.value;
  }

  /** Puts a text into the box, in place of what is there. */
  set text(text) {
    this.#parts.text.value = text;
    this.#changed();
  }

  get isEmpty() {
    return !this.text.trim() && this.#editing === null;
  }

  get isClosed() {
    return Boolean(this.#closed);
  }

  focus() {
    this.#parts.text.focus();
  }

  /** Lets nobody write, for a reason; "" opens it again. */
  close(reason) {
    this.#closed = reason;
    const { text, attach, send } = this.#parts;
    for (const part of [text, attach, send]) part.disabled = Boolean(reason);
    text.placeholder = reason || "Message";
    this.#parts.composer.classList.toggle("composer-closed", Boolean(reason));
    this.#changed();
  }

  /** Changes the message instead of saying another. What stands in the box comes back afterwards. */
  edit({ seq, text }) {
    this.#editing = seq;
    this.#parts.editing.hidden = false;
    this.text = text;
    this.focus();
    this.#parts.text.setSelectionRange(text.length, text.length);
  }

  /** Tells what went wrong. `again`: `{seq, text}` of a change that wasn't taken, which is kept until it is taken up. */
  complain(text, again = this.#again) {
    setText(this.#parts["problem-text"], text);
    this.#again = again;
    this.#parts["problem-again"].hidden = !again;
    this.#parts.problem.hidden = !text;
  }

  /** What went wrong is of no interest any more, unless a change would be lost with it. */
  #calm() {
    if (!this.#again) this.complain("");
  }

  #listen(element) {
    const {
      composer,
      text,
      attach,
      file,
      "problem-again": again,
      "problem-close": dismiss,
      "editing-end": cancel,
    } = this.#parts;
    const on = (target, name, listener) => target.addEventListener(name, listener);
    on(composer, "submit", (event) => (event.preventDefault(), this.#submit()));
    on(text, "keydown", (event) => this.#key(event));
    on(text, "input", () => this.#input());
    on(text, "click", () => this.#suggest());
    on(text, "keyup", ({ key }) => MOVES.has(key) && this.#moved(key));
    on(text, "blur", () => this.#box.close());
    on(text, "paste", (event) => this.#paste(event));
    on(attach, "click", () => file.click());
    on(file, "change", () => (this.#send(file.files), (file.value = "")));
    on(again, "click", () => this.#takeUp());
    on(dismiss, "click", () => (this.complain("", null), this.focus()));
    on(cancel, "click", () => this.#leaveEditing());
    this.#drops(element, on);
  }

  #drops(element, on) {
    const { drop } = this.#parts;
    const holds = ({ dataTransfer }) => !this.#closed && dataTransfer?.types.includes("Files");
    on(element, "dragover", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      drop.hidden = false;
    });
    on(element, "dragleave", (event) => element.contains(event.relatedTarget) || (drop.hidden = true));
    on(element, "drop", (event) => {
      drop.hidden = true;
      if (!holds(event)) return;
      event.preventDefault();
      this.#send(event.dataTransfer.files);
    });
  }

  #key(event) {
    if (event.isComposing || this.#box.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.text && this.#editing === null) {
      event.preventDefault();
      this.#tell("last");
    } else if (event.key === "Escape" && this.#editing !== null) {
      event.stopPropagation();
      this.#leaveEditing();
    }
  }

  #input() {
    this.#changed();
    this.#calm();
    if (this.text.trim()) this.#tell("typing");
    this.#suggest();
  }

  #submit() {
    const text = this.text.trim();
    if (!text || this.#closed || lengthOf(text) > MOST) return;
    const seq = this.#editing;
    this.#calm();
    if (seq === null) this.text = "";
    else this.#leaveEditing();
    this.#box.close();
    this.focus();
    if (seq === null) this.#tell("say", text);
    else this.#tell("save", { seq, text });
  }

  /** Back to what was being written before. */
  #leaveEditing() {
    this.#editing = null;
    this.#parts.editing.hidden = true;
    this.text = this.#draft.text;
    this.focus();
  }

  #takeUp() {
    const again = this.#again;
    this.complain("", null);
    this.edit(again);
  }

  /** The text that stands in the box goes with the first file. */
  #send(files) {
    const text = this.#editing === null ? this.text.trim() : "";
    [...files].forEach((file, index) => this.#tell("file", { file, text: index ? "" : text }));
    if (text && files.length) this.text = "";
  }

  #paste(event) {
    const { files } = event.clipboardData;
    // A table that was copied comes as a picture too: whoever pastes it wants the text.
    if (!files.length || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    this.#send(files);
  }

  #changed() {
    const { text, count, send } = this.#parts;
    if (this.#editing === null) this.#draft.text = text.value;
    const length = lengthOf(text.value.trim());
    const left = MOST - length;
    count.hidden = left > COUNT_FROM;
    count.classList.toggle("too-long", left < 0);
    setText(count, left < 0 ? `${-left} too many` : String(left));
    send.disabled = Boolean(this.#closed) || !length || left < 0;
    if (!growsByItself) this.#grow();
  }

  /** While the box is measured the log is higher, and would lose its place. */
  #grow() {
    const { text, log } = this.#parts;
    const { scrollTop } = log;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    log.scrollTop = scrollTop;
  }

  #moved(key) {
    if (this.#box.isOpen && (key === "ArrowUp" || key === "ArrowDown")) return; // it was the list's
    this.#suggest();
  }

  async #suggest() {
    const { value, selectionStart, selectionEnd } = this.#parts.text;
    const found =
      selectionStart === selectionEnd ? await this.#completer.at(value, selectionStart, () => this.#suggest()) : null;
    if (value !== this.text || selectionStart !== this.#parts.text.selectionStart) return; // typed on meanwhile
    this.#start = found?.start ?? 0;
    this.#box.show(document.activeElement === this.#parts.text ? (found?.items ?? []) : []);
  }

  #complete({ text }) {
    const caret = this.#parts.text.selectionStart;
    if (caret < this.#start) return this.#box.close(); // moved to where it completes nothing
    this.#parts.text.setRangeText(text, this.#start, caret, "end");
    this.#input();
  }

  #insert(text) {
    const field = this.#parts.text;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    this.#input();
  }
}

/** As the hub counts: an emoji is one character. */
function lengthOf(text) {
  return [...text].length;
}
