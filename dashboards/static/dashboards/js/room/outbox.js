// Sends what somebody says, one after the other in the order it was said. No DOM in here.

const AGAIN_MS = 3_000;
/** The hub may have stored it, or will once it is back: sent again under the same key it is still one message. */
const PASSING = new Set(["disconnected", "timeout", "unavailable"]);

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
   * of what the hub won't take as it is.
   */
  constructor({ timeline, draft, post, refused }) {
    this.#timeline = timeline;
    this.#draft = draft;
    this.#post = post;
    this.#refused = refused;
    for (const { key, text } of draft.unsent) this.#enqueue({ key, text, at: null });
  }

  say(text) {
    const key = newKey();
    this.#draft.keep(key, text);
    this.#enqueue({ key, text, at: null });
    return this.flush();
  }

  /** A file is not kept over a reload: the tab's storage has no room for one. */
  sayFile(file, text) {
    this.#enqueue({ key: newKey(), text, file, at: null });
    return this.flush();
  }

  retry(key) {
    const pending = this.#timeline.pending.find((one) => one.key === key);
    if (!pending) return;
    this.#timeline.update(key, { state: "sending", error: undefined });
    this.#queue.push(pending);
    this.flush();
  }

  /** Gives one up that was refused. */
  discard(key) {
    this.#remove(key);
    this.#draft.settle(key);
    this.#timeline.forget(key);
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
    this.#timeline.say(pending);
    this.#queue.push(pending);
  }

  /** Whether the next one may go. */
  async #send(pending) {
    this.#timeline.update(pending.key, { state: "sending" });
    try {
      const seq = await this.#post(pending);
      this.#remove(pending.key);
      this.#draft.settle(pending.key);
      this.#timeline.stored(pending.key, seq);
    } catch (error) {
      if (PASSING.has(error.code)) return this.#wait(pending, error);
      this.#remove(pending.key); // though not from the draft: after a reload it is tried once more
      this.#timeline.update(pending.key, { state: "failed", error: error.message });
      this.#refused(pending, error);
    }
    return true;
  }

  #remove(key) {
    this.#queue = this.#queue.filter((pending) => pending.key !== key);
  }

  #wait(pending, { code }) {
    this.#timeline.update(pending.key, { state: "waiting" });
    if (code !== "disconnected") this.#again = setTimeout(() => this.flush(), AGAIN_MS);
    return false;
  }
}

/** Not `randomUUID`, which browsers have on secure pages alone. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
