// Sends the person's messages one after another, in the order in which they were written. No DOM in here.

import { RequestError } from "../live/request_error.js";

/** @import { Draft } from "./draft.js" */
/** @import { Pending, Timeline } from "./timeline.js" */

/** @typedef {{key: string, text: string, at: number, file?: File}} Post */

const AGAIN_MS = 3_000;
/** After these errors the same key makes a repeat harmless, whether the hub has stored the message or not. */
const RETRYABLE_CODES = new Set(["disconnected", "timeout", "unavailable"]);
/** A command that waited longer is not sent: by now the person may want something else, or be gone. */
const COMMAND_DEADLINE_MS = 60_000;

export class PostQueue {
  #timeline;
  #draft;
  #send;
  #refused;
  /** @type {Post[]} */
  #queue = [];
  #isBusy = false;
  /** @type {any} */
  #timer;

  /**
   * @param {object} options
   * @param {Timeline} options.timeline
   * @param {Draft} options.draft
   * @param {(post: Post) => Promise<number>} options.send  resolves with the seq
   * @param {(post: Post, error: RequestError) => void} options.refused  receives messages that the hub refuses, and
   *   commands that have waited too long
   */
  constructor({ timeline, draft, send, refused }) {
    this.#timeline = timeline;
    this.#draft = draft;
    this.#send = send;
    this.#refused = refused;
    for (const unsent of draft.unsent) this.#enqueue(unsent);
  }

  /** @param {string} text */
  post(text) {
    const [key, at] = [newKey(), Date.now()];
    this.#draft.keep(key, text, at);
    this.#enqueue({ key, text, at });
    return this.flush();
  }

  /** A file is not kept over a reload: the tab's storage has no room for it. @param {File} file @param {string} text */
  postFile(file, text) {
    this.#enqueue({ key: newKey(), text, file, at: Date.now() });
    return this.flush();
  }

  /** @param {string} key */
  retry(key) {
    const pending = this.#timeline.pending.find((one) => one.key === key);
    if (!pending) return;
    const again = { ...pending, at: Date.now(), error: undefined };
    if (!pending.file) this.#draft.keep(key, pending.text, again.at);
    this.#enqueue(again);
    this.flush();
  }

  /** Gives up a message that was refused or waits, and continues with those behind it. @param {string} key */
  discard(key) {
    this.#remove(key);
    this.#draft.settle(key);
    this.#timeline.removePending(key);
    this.flush();
  }

  /** Sends the queued messages. Called again whenever there is a connection. */
  async flush() {
    clearTimeout(this.#timer);
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#queue.length && (await this.#sendNext(this.#queue[0])));
    this.#isBusy = false;
  }

  close() {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  /** @param {Post} post */
  #enqueue(post) {
    this.#timeline.addPending({ ...post, state: "sending" });
    this.#queue.push(post);
  }

  /** Resolves with whether the next message may follow. @param {Post} post */
  async #sendNext(post) {
    if (isOverdue(post)) {
      this.#fail(post, new RequestError("overdue", "It waited too long to be sent without asking you.", true));
      return true;
    }
    this.#timeline.updatePending(post.key, { state: "sending" });
    try {
      const seq = await this.#send(post);
      this.#remove(post.key);
      this.#draft.settle(post.key);
      this.#timeline.markStored(post.key, seq);
    } catch (caught) {
      const error = /** @type {RequestError} */ (caught);
      if (RETRYABLE_CODES.has(error.code)) return this.#wait(error);
      this.#fail(post, error);
    }
    return true;
  }

  /**
   * The message stays in the draft: after a reload it is sent once more.
   *
   * @param {Post} post
   * @param {RequestError} error
   */
  #fail(post, error) {
    this.#remove(post.key);
    this.#timeline.updatePending(post.key, { state: "failed", error: error.message });
    this.#refused(post, error);
  }

  /** @param {string} key */
  #remove(key) {
    this.#queue = this.#queue.filter((post) => post.key !== key);
  }

  /** @param {RequestError} error */
  #wait({ code }) {
    for (const { key } of this.#queue) this.#timeline.updatePending(key, { state: "waiting" });
    if (code !== "disconnected") this.#timer = setTimeout(() => this.flush(), AGAIN_MS);
    return false;
  }
}

/** @param {Post} post */
const isOverdue = ({ text, at }) => text.startsWith("/") && Date.now() - at > COMMAND_DEADLINE_MS;

/** Not `randomUUID`, which browsers offer only to secure pages. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
