// How many messages of a room its reader has not seen, and where the line "New" is drawn. Pure.

export class UnreadMarker {
  #count = 0;
  /** @type {number | null} */
  #after = null;
  #isCurrent = false; // the line is above what is unread now, not above what once was

  /** Messages that have not been seen. */
  get count() {
    return this.#count;
  }

  /** The seq of the last message above the line; null if there is no line. */
  get after() {
    return this.#after;
  }

  /**
   * Sets what the hub counts: `count` unread messages after the seq `read`.
   *
   * @param {number} read
   * @param {number} count
   */
  set(read, count) {
    if (count) this.#mark(read);
    else this.#isCurrent = false;
    this.#count = count;
  }

  /** Counts a new message. @param {number} seq @param {boolean} isVisible */
  add(seq, isVisible) {
    if (!isVisible) this.#mark(seq - 1);
    this.#count += 1;
  }

  /** The reader has seen all messages; returns whether there were any. The line stays for readers who look up again. */
  see() {
    const had = this.#count > 0;
    this.#count = 0;
    this.#isCurrent = false;
    return had;
  }

  /** Removes the line. */
  removeLine() {
    this.#after = null;
  }

  /** @param {number} after */
  #mark(after) {
    if (!this.#isCurrent) this.#after = after;
    this.#isCurrent = true;
  }
}
