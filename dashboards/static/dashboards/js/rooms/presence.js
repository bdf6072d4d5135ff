// Who is in a room, and who is typing. No DOM in here.

/** Somebody counts as typing for this long after the last push: pages send one every 3 s. */
const TYPING_MS = 5_000;

/** @typedef {{presence: (names: string[]) => void, typing: (names: string[]) => void}} PresenceListener */

export class Presence {
  #listener;
  /** @type {Set<string>} */
  #present = new Set();
  /** @type {Map<string, any>} timers of those who are typing, by username */
  #typing = new Map();

  /** @param {PresenceListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** @param {string[]} names */
  set(names) {
    this.#present = new Set(names);
    this.#listener.presence([...this.#present]);
  }

  /** @param {{joined: string[], left: string[]}} change */
  update({ joined, left }) {
    for (const name of joined) this.#present.add(name);
    for (const name of left) this.#present.delete(name);
    for (const name of left) this.stopTyping(name);
    this.#listener.presence([...this.#present]);
  }

  /** @param {string} name */
  startTyping(name) {
    clearTimeout(this.#typing.get(name));
    const timer = setTimeout(() => this.stopTyping(name), TYPING_MS);
    this.#typing.set(name, timer);
    this.#listener.typing([...this.#typing.keys()]);
  }

  /** @param {string} name */
  stopTyping(name) {
    if (!this.#typing.has(name)) return;
    clearTimeout(this.#typing.get(name));
    this.#typing.delete(name);
    this.#listener.typing([...this.#typing.keys()]);
  }

  close() {
    for (const timer of this.#typing.values()) clearTimeout(timer);
  }
}
