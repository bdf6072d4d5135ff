// The elements of a log's rows. What people wrote gets in as text, or through markdown.js.

import { clone, setText } from "../shell/dom.js";
import { chartOf } from "./chart_entry.js";
import { render } from "./markdown.js";
import { readingOf } from "./readings.js";
import { pieces } from "./references.js";
import { clock, dayName, fileSize, fullTime } from "./times.js";
import { answerText, commandText, eventText, hueOfName, initialOf, isJumbo, isTyped, OUTCOMES } from "./words.js";

/** Pixels that a picture takes at most; smaller ones keep their size. */
const PICTURE = { width: 360, height: 260 };
const MARKS = { bot: "bot", device: "device" };

/**
 * Makes elements. `context`: `{username, manages, feed, link(seq), fileUrl(file), now()}`; what a person does in a row
 * is told by `act(name, row, element)`: `retry`, `discard`, `revise`, `answer` (to be taken to a command's answer) and
 * `command` (to the command of an answer).
 */
export class Entries {
  #context;
  #act;

  constructor(context, act) {
    this.#context = context;
    this.#act = act;
  }

  /** `{element, end()}` of a row; `end` stops what lives in it. */
  make(row) {
    const ends = [];
    const element = this.#of(row, ends);
    return { element, end: () => ends.forEach((end) => end()) };
  }

  #of(row, ends) {
    if (row.type === "day") return this.#day(row);
    if (row.type === "new") return clone("room-new").root;
    if (row.type === "pending") return this.#pending(row);
    if (row.type === "command") return this.#command(row);
    if (row.type === "answer") return this.#answer(row);
    if (row.type === "event") return this.#event(row);
    return this.#message(row, ends);
  }

  #day({ at }) {
    const { root, time } = clone("room-day");
    setText(time, dayName(at, this.#context.now()));
    time.dateTime = new Date(at).toISOString();
    return root;
  }

  #message(row, ends) {
    const { entry, joined } = row;
    const parts = clone("room-message");
    this.#head(parts, entry, joined);
    parts.root.dataset.kind = entry.kind;
    parts.root.classList.toggle("mentions-me", Boolean(entry.data?.mentions?.includes(this.#context.username)));
    if (entry.removed_at) this.#removed(parts, row);
    else this.#said(parts, row, ends);
    return parts.root;
  }

  #said(parts, row, ends) {
    const { entry } = row;
    if (entry.text) parts.body.append(...this.#text(entry, ends));
    if (entry.kind === "chart" && entry.data)
      parts.body.append(chartOf(entry.data, { feed: this.#context.feed, ends }));
    for (const file of entry.files ?? []) parts.body.append(this.#file(file));
    if (entry.edited_at) this.#trace(parts, row, "edited", `Edited on ${fullTime(entry.edited_at)}`);
  }

  #removed(parts, row) {
    const { entry } = row;
    parts.root.classList.add("removed");
    setText(
      parts.body,
      entry.removed_by && entry.removed_by !== entry.author ? `Deleted by ${entry.removed_by}` : "Deleted",
    );
    const mayLook = entry.author === this.#context.username || this.#context.manages;
    if (mayLook) this.#trace(parts, row, "show", `Deleted on ${fullTime(entry.removed_at)}`);
  }

  /** The way to what a message said before. */
  #trace(parts, row, word, title) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "trace", textContent: word, title });
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => this.#act("revise", row, parts.root));
    parts.foot.append(button);
    parts.foot.hidden = false;
  }

  #head(parts, entry, joined) {
    parts.root.classList.toggle("joined", Boolean(joined));
    parts.root.dataset.origin = entry.origin;
    parts.root.classList.add(`hue-${hueOfName(entry.author)}`);
    if (parts.face) setText(parts.face, initialOf(entry.author));
    setText(parts.author, entry.author || "hubbub");
    if (parts.mark) {
      setText(parts.mark, MARKS[entry.origin] ?? "");
      parts.mark.hidden = !MARKS[entry.origin];
    }
    this.#stamp(parts, entry);
  }

  #stamp(parts, { seq, at }) {
    setText(parts.time, clock(at));
    parts.time.dateTime = new Date(at).toISOString();
    parts.link.title = fullTime(at);
    parts.link.href = this.#context.link(seq);
    parts.link.tabIndex = -1; // the row itself is where the keyboard stops
  }

  #text(entry, ends) {
    if (entry.kind === "chart" || (entry.kind === "chat" && isTyped(entry.text))) return [typed(entry.text)];
    let fragment;
    try {
      fragment = render(entry.text);
    } catch {
      fragment = document.createDocumentFragment(); // nested deeper than anything can read
      fragment.append(entry.text);
    }
    this.#refer(fragment, entry.data ?? {}, ends);
    const holder = document.createElement("div");
    holder.className = isJumbo(entry.text) ? "prose jumbo" : "prose";
    holder.append(fragment);
    return [holder];
  }

  /** Puts people and values in place of their names, wherever these are no code. */
  #refer(fragment, data, ends) {
    if (!data.mentions && !data.values) return;
    const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) if (!walker.currentNode.parentElement?.closest("code, a")) texts.push(walker.currentNode);
    for (const node of texts) {
      const found = pieces(node.data, data);
      if (found.some((piece) => typeof piece !== "string"))
        node.replaceWith(...found.map((piece) => this.#piece(piece, data, ends)));
    }
  }

  #piece(piece, { values }, ends) {
    if (typeof piece === "string") return piece;
    if (piece.value) return readingOf(piece.value, values[piece.value], { feed: this.#context.feed, ends });
    const mention = document.createElement("span");
    mention.className = piece.mention === this.#context.username ? "mention mention-me" : "mention";
    mention.textContent = `@${piece.mention}`;
    return mention;
  }

  #file(file) {
    const picture = file.width && file.height;
    const { link, image, name, size } = clone(picture ? "room-image" : "room-file");
    link.href = this.#context.fileUrl(file);
    link.title = `${file.name}, ${fileSize(file.size)}`;
    if (picture) {
      const scale = Math.min(1, PICTURE.width / file.width, PICTURE.height / file.height);
      // The room for it is there before it is, so that nothing moves when it comes.
      Object.assign(image, {
        width: Math.max(1, Math.round(file.width * scale)),
        height: Math.max(1, Math.round(file.height * scale)),
        alt: file.name,
        src: link.href,
      });
    } else {
      setText(name, file.name);
      setText(size, fileSize(file.size));
    }
    return link;
  }

  #command(row) {
    const { entry, answer, open } = row;
    const parts = clone("room-command");
    this.#head(parts, entry, false);
    setText(parts.text, commandText(entry));
    const status = answer?.data.status ?? (open ? "open" : "unknown");
    parts.root.dataset.status = status;
    setText(parts.outcome, OUTCOMES[status] ?? status);
    parts.outcome.hidden = status === "unknown";
    parts.outcome.disabled = !answer;
    parts.outcome.addEventListener("click", () => this.#act("answer", row, parts.root));
    return parts.root;
  }

  #answer(row) {
    const { entry, joined } = row;
    const parts = clone("room-answer");
    this.#head(parts, entry, joined);
    parts.root.dataset.status = entry.data.status;
    setText(parts.text, answerText(entry));
    setText(parts.of, commandText({ text: "", ...entry }));
    parts.of.hidden = joined;
    parts.of.addEventListener("click", () => this.#act("command", row, parts.root));
    return parts.root;
  }

  #event(row) {
    const parts = clone("room-line");
    parts.root.dataset.status = row.entry.data?.status ?? row.entry.kind;
    setText(parts.text, eventText(row.entry));
    this.#stamp(parts, row.entry);
    return parts.root;
  }

  #pending(row) {
    const { pending, joined } = row;
    const own = { origin: "person", author: this.#context.username, seq: 0, at: this.#context.now() };
    const parts = clone("room-message");
    this.#head(parts, own, joined);
    parts.root.dataset.state = pending.state;
    parts.link.remove();
    if (pending.text) parts.body.append(...this.#text({ kind: "chat", text: pending.text }, []));
    if (pending.file) parts.body.append(sending(pending));
    parts.foot.append(...this.#state(row));
    parts.foot.hidden = !parts.foot.childNodes.length;
    return parts.root;
  }

  #state(row) {
    const { state, error } = row.pending;
    if (state !== "waiting" && state !== "failed") return [];
    const button = (name, label) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", className: "trace", textContent: label });
      made.addEventListener("click", () => this.#act(name, row, made));
      return made;
    };
    if (state === "waiting") return [note("Waits for the connection"), button("discard", "Discard")];
    return [note(`Not sent: ${error}`), button("retry", "Try again"), button("discard", "Discard")];
  }
}

function typed(text) {
  const paragraph = document.createElement("p");
  const code = document.createElement("code");
  code.className = "typed";
  code.textContent = text;
  paragraph.append(code);
  return paragraph;
}

function note(text) {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}

function sending({ file, progress = 0, state }) {
  const { root, name, size } = clone("room-sending");
  setText(name, file.name || "image");
  setText(size, fileSize(file.size));
  const bar = root.querySelector("progress");
  bar.value = progress;
  bar.hidden = state === "failed";
  return root;
}
