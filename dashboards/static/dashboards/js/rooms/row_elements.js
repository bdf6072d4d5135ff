// The elements of the rows of a log.

import { commandLabel, toneOf } from "../device/status_labels.js";
import { initialOf } from "../shell/avatars.js";
import { hueOfAuthor } from "../shell/colours.js";
import { clone, make, makeButton, setText } from "../shell/dom.js";
import { dayName, fullTime, timeOfDay } from "../shell/times.js";
import { answerText, commandText, eventText } from "./entry_texts.js";
import { makeBody, makeText, makeUpload } from "./message_body.js";

/** @import { DeviceFeed } from "../live/device_feed.js" */
/** @import { Entry, FileInfo } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */
/** @import { AnswerRow, CommandRow, DayRow, EventRow, MessageRow, PendingRow, Row } from "./log_rows.js" */
/** @import { RowActions } from "./row_actions.js" */

/**
 * @typedef {object} RowContext
 * @property {string} username
 * @property {boolean} manages  whether the person may see what others' deleted messages said
 * @property {DeviceFeed} feed
 * @property {(seq: number) => string} link  the address of a message
 * @property {(file: FileInfo) => string} fileUrl
 * @property {() => number} now
 */
/** @typedef {Pick<RowActions, "toggleRevisions" | "showAnswer" | "showCommand" | "retry" | "discard">} Handlers */

/** @type {Record<string, string>} */
const ORIGIN_LABELS = { bot: "bot", device: "device" };

export class RowElements {
  #context;
  #actions;

  /** @param {RowContext} context @param {Handlers} actions */
  constructor(context, actions) {
    this.#context = context;
    this.#actions = actions;
  }

  /**
   * The element of a row; `end` stops what is live in it.
   *
   * @param {Row} row
   * @returns {{element: HTMLElement, end: () => void}}
   */
  make(row) {
    /** @type {(() => void)[]} */
    const ends = [];
    const end = () => {
      for (const endOne of ends) endOne();
    };
    return { element: this.#makeRow(row, ends), end };
  }

  /** @param {Row} row @param {(() => void)[]} ends @returns {HTMLElement} */
  #makeRow(row, ends) {
    if (row.type === "day") return this.#makeDay(row);
    if (row.type === "new") return clone("room-new").root;
    if (row.type === "pending") return this.#makePending(row);
    if (row.type === "command") return this.#makeCommand(row);
    if (row.type === "answer") return this.#makeAnswer(row);
    if (row.type === "event") return this.#makeEvent(row);
    return this.#makeMessage(row, ends);
  }

  /** @param {DayRow} row */
  #makeDay({ at }) {
    const { root, time } = clone("room-day");
    setText(time, dayName(at, this.#context.now()));
    time.dateTime = new Date(at).toISOString();
    return root;
  }

  /** @param {MessageRow} row @param {(() => void)[]} ends */
  #makeMessage({ entry, joined }, ends) {
    const parts = clone("room-message");
    this.#fillHead(parts, entry, joined);
    parts.root.dataset.kind = entry.kind;
    parts.root.classList.toggle("mentions-me", Boolean(entry.data?.mentions?.includes(this.#context.username)));
    if (entry.removed_at) this.#fillRemoved(parts, entry);
    else {
      parts.body.append(...makeBody(entry, { ...this.#context, ends }));
      if (entry.edited_at) this.#addTrace(parts, entry, "edited", `Edited on ${fullTime(entry.edited_at)}`);
    }
    return parts.root;
  }

  /** @param {Parts} parts @param {Entry} entry */
  #fillRemoved(parts, entry) {
    const { author, removed_by: by, removed_at: at } = entry;
    parts.root.classList.add("removed");
    setText(parts.body, by && by !== author ? `Deleted by ${by}` : "Deleted");
    const maySee = author === this.#context.username || this.#context.manages;
    if (maySee) this.#addTrace(parts, entry, "show", `Deleted on ${fullTime(Number(at))}`);
  }

  /**
   * Adds the button that shows what the message said before.
   *
   * @param {Parts} parts
   * @param {Entry} entry
   * @param {string} label
   * @param {string} title
   */
  #addTrace(parts, { seq }, label, title) {
    const button = makeButton("trace", label, () => this.#actions.toggleRevisions(seq, parts.root));
    button.title = title;
    button.setAttribute("aria-expanded", "false");
    parts.foot.append(button);
    parts.foot.hidden = false;
  }

  /** @param {Parts} parts @param {Pick<Entry, "seq" | "at" | "author" | "origin">} entry @param {boolean} joined */
  #fillHead(parts, entry, joined) {
    const { author, origin } = entry;
    parts.root.classList.toggle("joined", joined);
    parts.root.dataset.origin = origin;
    parts.root.classList.add(`hue-${hueOfAuthor(author)}`);
    if (parts.avatar) setText(parts.avatar, initialOf(author));
    setText(parts.author, author || "hubbub");
    if (parts.mark) {
      setText(parts.mark, ORIGIN_LABELS[origin] ?? "");
      parts.mark.hidden = !ORIGIN_LABELS[origin];
    }
    this.#fillTime(parts, entry);
  }

  /** @param {Parts} parts @param {Pick<Entry, "seq" | "at">} entry */
  #fillTime(parts, { seq, at }) {
    setText(parts.time, timeOfDay(at));
    parts.time.dateTime = new Date(at).toISOString();
    parts.link.title = fullTime(at);
    parts.link.href = this.#context.link(seq);
    parts.link.tabIndex = -1; // the Tab key stops at the row itself
  }

  /** @param {CommandRow} row */
  #makeCommand({ entry, answer, open }) {
    const parts = clone("room-command");
    this.#fillHead(parts, entry, false);
    setText(parts.text, commandText(entry));
    const end = answer?.data ?? { status: open ? "open" : "unknown" };
    parts.root.dataset.status = toneOf(end);
    setText(parts.outcome, commandLabel(end));
    parts.outcome.hidden = end.status === "unknown";
    parts.outcome.disabled = !answer;
    parts.outcome.addEventListener("click", () => answer && this.#actions.showAnswer(answer));
    return parts.root;
  }

  /** @param {AnswerRow} row */
  #makeAnswer({ entry, joined }) {
    const parts = clone("room-answer");
    this.#fillHead(parts, entry, joined);
    parts.root.dataset.status = toneOf(entry.data);
    setText(parts.text, answerText(entry));
    setText(parts.of, commandText(entry));
    parts.of.hidden = joined;
    parts.of.addEventListener("click", () => this.#actions.showCommand(entry));
    return parts.root;
  }

  /** @param {EventRow} row */
  #makeEvent({ entry }) {
    const parts = clone("room-line");
    parts.root.dataset.status = entry.data?.status ?? entry.kind;
    setText(parts.text, eventText(entry));
    this.#fillTime(parts, entry);
    return parts.root;
  }

  /** @param {PendingRow} row */
  #makePending(row) {
    const { pending, joined } = row;
    const { username, now } = this.#context;
    const parts = clone("room-message");
    this.#fillHead(parts, { origin: "person", author: username, seq: 0, at: now() }, joined);
    parts.root.dataset.state = pending.state;
    parts.link.remove();
    const { text, file } = pending;
    if (text) parts.body.append(makeText({ kind: "chat", text }, { ...this.#context, ends: [] }));
    if (file) parts.body.append(makeUpload({ ...pending, file }));
    parts.foot.append(...this.#makeState(row));
    parts.foot.hidden = !parts.foot.childNodes.length;
    return parts.root;
  }

  /** @param {PendingRow} row */
  #makeState({ pending }) {
    const discard = () => makeButton("trace", "Discard", () => this.#actions.discard(pending));
    if (pending.state === "waiting") return [makeNote("Waiting for the connection"), discard()];
    if (pending.state !== "failed") return [];
    const retry = makeButton("trace", "Try again", () => this.#actions.retry(pending));
    return [makeNote(`Not sent: ${pending.error}`), retry, discard()];
  }
}

/** @param {string} text */
function makeNote(text) {
  const note = make("span", "", text);
  note.removeAttribute("class");
  return note;
}
