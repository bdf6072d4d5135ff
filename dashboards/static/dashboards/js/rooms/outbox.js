// Sends what somebody says, one after the other in the order it was said. No DOM in here.

import { RequestError } from "../live/connection.js";

const AGAIN_MS = 3_000;
/** The hub may have stored it, or will once it is back: sent again under the same key it is still one message. */
const PASSING = new Set(["disconnected", "timeout", "unavailable"]);
/** A command that waited longer is not run: by now the person may think of something else, or be gone. */
const TIMELY_MS = 60_000;

export class Outbox {
  #timeline;
  #draft;
  #post;
  #refused;
  #queue = [];
  #busy = false;
  #again;

  /**
   * `post(pending)` resolves with the seq; it rejects with an error that has a `code`. `refused(pending, error)` is told
   * of what the hub won't take as it is, and of commands that have waited too long.
   */
  constructor({ timeline, draft, post, refused }) {
    this.#timeline = timeline;
    this.#draft = draft;
    this.#post = post;
    this.#refused = refused;
    for (const unsent of draft.unsent) this.#enqueue(unsent);
  }

  say(text) {
    const [key, at] = [newKey(), Date.now()];
    this.#draft.keep(key, text, at);
    this.#enqueue({ key, text, at });
    return this.flush();
  }

  /** A file is not kept over a reload: the tab's storage has no room for one. */
  sayFile(file, text) {
    this.#enqueue({ key: newKey(), text, file, at: Date.now() });
    return this.flush();
  }

  retry(key) {
    const pending = this.#timeline.pending.find((one) => one.key === key);
    if (!pending) return;
    const again = { ...pending, at: Date.now(), error: undefined };
    if (!pending.file) this.#draft.keep(key, pending.text, again.at);
    this.#enqueue(again);
    this.flush();
  }

  /** Gives one up that was refused or waits, and goes on with what waited behind it. */
  discard(key) {
    this.#remove(key);
    this.#draft.settle(key);
    this.#timeline.forget(key);
    this.flush();
  }

  /** Sends what waits; called again whenever there is a connection. */
  async flush() {
    clearTimeout(this.#again);
    if (this.#busy) return;
    this.#busy = true;
    while (this.#queue.length && (await this.#send(this.#queue[0])));
    this.#busy = false;
  }

  close() {
    clearTimeout(this.#again);
    this.#queue = [];
  }

  #enqueue(pending) {
    this.#timeline.say({ ...pending, state: "sending" });
    this.#queue.push(pending);
  }

  /** Whether the next one may go. */
  async #send(pending) {
    if (isOverdue(pending)) {
      this.#fail(pending, new RequestError("overdue", "It waited too long to be run unasked.", true));
      return true;
    }
    this.#timeline.update(pending.key, { state: "sending" });
    try {
      const seq = await this.#post(pending);
      this.#remove(pending.key);
      this.#draft.settle(pending.key);
      this.#timeline.stored(pending.key, seq);
    } catch (error) {
      if (PASSING.has(error.code)) return this.#wait(error);
      this.#fail(pending, error);
    }
    return true;
  }

  /** It stays in the draft: after a reload it is tried once more. */
  #fail(pending, error) {
    this.#remove(pending.key);
    this.#timeline.update(pending.key, { state: "failed", error: error.message });
    this.#refused(pending, error);
  }

  #remove(key) {
    this.#queue = this.#queue.filter((pending) => pending.key !== key);
  }

  #wait({ code }) {
    for (const { key } of this.#queue) this.#timeline.update(key, { state: "waiting" });
    if (code !== "disconnected") this.#again = setTimeout(() => this.flush(), AGAIN_MS);
    return false;
  }
}

const isOverdue = ({ text, at }) => text.startsWith("/") && Date.now() - at > TIMELY_MS;

/** Not `randomUUID`, which browsers have on secure pages alone. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
