// The box in which a person writes messages.

import { find, setText } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";
import { CompletionList } from "./completion_list.js";
import { initEmojiPicker } from "./emoji_picker.js";
import { initFileDrop } from "./file_drop.js";
import { isEditable } from "./log_rows.js";
import { ProblemBar } from "./problem_bar.js";

/** @import { CompletionSource } from "./completion_source.js" */
/** @import { Draft } from "./draft.js" */
/** @import { Edit } from "./problem_bar.js" */
/** @import { RoomLog } from "./room_log.js" */

const MAX_CHARACTERS = 2_000;
/** The count is shown when at most this many characters are left. */
const COUNT_FROM = 200;
/** Keys that move the caret, and with it what can be completed. */
const CARET_KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
/** Whether the style sheet lets the box grow with its text. */
const growsByItself = CSS.supports("field-sizing", "content");

export class Composer {
  #parts;
  #draft;
  #completions;
  #log;
  #list;
  #problem;
  /** @type {number | null} seq of the message that is being edited */
  #editing = null;
  #closedReason = "";
  #completionStart = 0;

  /** @param {HTMLElement} element @param {{draft: Draft, completions: CompletionSource, log: RoomLog}} options */
  constructor(element, { draft, completions, log }) {
    this.#parts = {
      form: find(element, "composer", HTMLFormElement),
      text: find(element, "text", HTMLTextAreaElement),
      count: find(element, "count"),
      send: find(element, "send", HTMLButtonElement),
      attach: find(element, "attach", HTMLButtonElement),
      file: find(element, "file", HTMLInputElement),
      editing: find(element, "editing"),
      log: find(element, "log"),
    };
    this.#draft = draft;
    this.#completions = completions;
    this.#log = log;
    this.#list = new CompletionList(find(element, "completion"), this.#parts.text, ({ text }) => this.#complete(text));
    this.#problem = new ProblemBar(element, {
      editAgain: (edit) => this.edit(edit),
      dismissed: () => this.focus(),
    });
    initEmojiPicker(find(element, "emoji"), find(element, "emoji-toggle"), (emoji) => this.#insert(emoji));
    initFileDrop(element, find(element, "drop"), {
      isEnabled: () => !this.isClosed,
      dropped: (files) => this.#postFiles(files),
    });
    this.#listen(element);
    this.#parts.text.value = draft.text;
    this.#handleChange();
  }

  get text() {
    return this.#parts.text.value;
  }

  /** Replaces the text in the box. */
  set text(text) {
    this.#parts.text.value = text;
    this.#handleChange();
  }

  get isEmpty() {
    return !this.text.trim() && this.#editing === null;
  }

  get isClosed() {
    return Boolean(this.#closedReason);
  }

  focus() {
    this.#parts.text.focus();
  }

  /** Closes the box with a reason; "" opens it again. @param {string} reason */
  close(reason) {
    this.#closedReason = reason;
    const { form, text, attach, send } = this.#parts;
    for (const part of [text, attach, send]) part.disabled = Boolean(reason);
    text.placeholder = reason || "Message";
    form.classList.toggle("composer-closed", Boolean(reason));
    this.#handleChange();
  }

  /** Edits a message in the box. The text that is in the box now comes back afterwards. @param {Edit} message */
  edit({ seq, text }) {
    this.#editing = seq;
    this.#parts.editing.hidden = false;
    this.text = text;
    this.focus();
    this.#parts.text.setSelectionRange(text.length, text.length);
  }

  /** Shows what went wrong. @param {string} text */
  showProblem(text) {
    this.#problem.show(text);
  }

  /** @param {HTMLElement} element */
  #listen(element) {
    const { form, text, attach, file } = this.#parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    text.addEventListener("keydown", (event) => this.#handleKey(event));
    text.addEventListener("input", () => this.#handleInput());
    text.addEventListener("click", () => this.#suggest());
    text.addEventListener("keyup", ({ key }) => CARET_KEYS.has(key) && this.#handleCaretMove(key));
    text.addEventListener("blur", () => this.#list.close());
    text.addEventListener("paste", (event) => this.#handlePaste(event));
    attach.addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      this.#postFiles(file.files);
      file.value = "";
    });
    find(element, "editing-end").addEventListener("click", () => this.#leaveEditing());
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (event.isComposing || this.#list.handleKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.text && this.#editing === null) {
      event.preventDefault();
      this.#editLast();
    } else if (event.key === "Escape" && this.#editing !== null) {
      event.stopPropagation();
      this.#leaveEditing();
    }
  }

  #handleInput() {
    this.#handleChange();
    this.#problem.clear();
    if (this.text.trim()) this.#log.reportTyping();
    this.#suggest();
  }

  #submit() {
    const text = this.text.trim();
    if (!text || this.isClosed || lengthOf(text) > MAX_CHARACTERS) return;
    const seq = this.#editing;
    this.#problem.clear();
    if (seq === null) this.text = "";
    else this.#leaveEditing();
    this.#list.close();
    this.focus();
    if (seq === null) this.#log.post(text);
    else this.#saveEdit({ seq, text });
  }

  /** @param {Edit} edit */
  async #saveEdit({ seq, text }) {
    try {
      await this.#log.edit(seq, text);
    } catch (error) {
      this.#problem.show(`Not changed: ${messageOf(error)}`, { seq, text });
    }
  }

  /** Edits the person's own last message. */
  #editLast() {
    if (this.isClosed) return;
    const own = this.#log.timeline.entries.findLast((entry) => isEditable(entry, this.#log.username));
    if (own) this.edit(own);
  }

  /** Brings back what was being written before. */
  #leaveEditing() {
    this.#editing = null;
    this.#parts.editing.hidden = true;
    this.text = this.#draft.text;
    this.focus();
  }

  /** Posts files. The text in the box goes with the first of them. @param {FileList | null} files */
  #postFiles(files) {
    const text = this.#editing === null ? this.text.trim() : "";
    for (const [index, file] of [...(files ?? [])].entries()) this.#log.postFile(file, index ? "" : text);
    if (text && files?.length) this.text = "";
  }

  /** @param {ClipboardEvent} event */
  #handlePaste(event) {
    const { clipboardData } = event;
    // A table that was copied arrives as a picture too, but the person wants the text.
    if (!clipboardData?.files.length || clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    this.#postFiles(clipboardData.files);
  }

  #handleChange() {
    const { text, count, send } = this.#parts;
    if (this.#editing === null) this.#draft.text = text.value;
    const length = lengthOf(text.value.trim());
    const left = MAX_CHARACTERS - length;
    count.hidden = left > COUNT_FROM;
    count.classList.toggle("too-long", left < 0);
    setText(count, left < 0 ? `${-left} too many` : String(left));
    send.disabled = this.isClosed || !length || left < 0;
    if (!growsByItself) this.#grow();
  }

  /** While the box is measured the log is higher, and would lose its scroll position. */
  #grow() {
    const { text, log } = this.#parts;
    const { scrollTop } = log;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    log.scrollTop = scrollTop;
  }

  /** @param {string} key */
  #handleCaretMove(key) {
    if (this.#list.isOpen && (key === "ArrowUp" || key === "ArrowDown")) return; // the key was for the list
    this.#suggest();
  }

  async #suggest() {
    const { text } = this.#parts;
    const { value, selectionStart, selectionEnd } = text;
    const hasCaret = selectionStart === selectionEnd;
    const found = hasCaret ? await this.#completions.at(value, selectionStart, () => this.#suggest()) : null;
    if (value !== this.text || selectionStart !== text.selectionStart) return; // typed on meanwhile
    this.#completionStart = found?.start ?? 0;
    this.#list.show(document.activeElement === text ? (found?.items ?? []) : []);
  }

  /** @param {string} completion */
  #complete(completion) {
    const { text } = this.#parts;
    const caret = text.selectionStart;
    if (caret < this.#completionStart) {
      this.#list.close(); // the caret was moved to where this completes nothing
      return;
    }
    text.setRangeText(completion, this.#completionStart, caret, "end");
    this.#handleInput();
  }

  /** @param {string} inserted */
  #insert(inserted) {
    const { text } = this.#parts;
    text.setRangeText(inserted, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    this.#handleInput();
  }
}

/** As the hub counts: an emoji is one character. @param {string} text */
function lengthOf(text) {
  return [...text].length;
}
