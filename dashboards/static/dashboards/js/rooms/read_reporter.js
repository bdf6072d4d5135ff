// Reports to the hub how far the person has read a room, at most once a second and never backwards. No DOM in here.

/** @import { RequestError } from "../live/request_error.js" */

const PAUSE_MS = 1_000;
const TRY_AGAIN_MS = 3_000;

export class ReadReporter {
  #send;
  /** @type {any} */
  #timer = null;
  #isClosed = false;

  /** The person has read up to this seq. */
  seq = 0;

  /** @param {(seq: number) => Promise<unknown>} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {number} seq */
  report(seq) {
    if (seq <= this.seq) return;
    this.seq = seq;
    this.#timer ??= setTimeout(() => this.#sendNow(), PAUSE_MS);
  }

  /** Learns from the hub how far the person has read, for example in another tab. @param {number} seq */
  learn(seq) {
    this.seq = Math.max(this.seq, seq);
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #sendNow() {
    this.#timer = null;
    try {
      await this.#send(this.seq);
    } catch (error) {
      const { retry } = /** @type {RequestError} */ (error);
      if (retry && !this.#isClosed) this.#timer ??= setTimeout(() => this.#sendNow(), TRY_AGAIN_MS);
    }
  }
}
