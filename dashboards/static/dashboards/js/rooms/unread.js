// What of a room its reader has not seen, and where the mark "New" stands. Pure.

export class Unread {
  #count = 0;
  #after = null;
  #marked = false; // the mark stands above what is unread now, not above what was once

  /** Messages that have not been seen. */
  get count() {
    return this.#count;
  }

  /** Seq of the last message above the mark; null where there is none. */
  get after() {
    return this.#after;
  }

  /** The hub has told what is unread: `count` messages after the seq `read`. */
  told(read, count) {
    if (count) this.#mark(read);
    else this.#marked = false;
    this.#count = count;
  }

  /** Somebody has said something; `seen`: before the reader's eyes. */
  take(seq, seen) {
    if (!seen) this.#mark(seq - 1);
    this.#count += 1;
  }

  /** The reader has seen all of it. Whether there was anything. The mark stays, to be found by who looks up again. */
  see() {
    const had = this.#count > 0;
    this.#count = 0;
    this.#marked = false;
    return had;
  }

  /** Takes the mark away. */
  unmark() {
    this.#after = null;
  }

  #mark(after) {
    if (!this.#marked) this.#after = after;
    this.#marked = true;
  }
}
