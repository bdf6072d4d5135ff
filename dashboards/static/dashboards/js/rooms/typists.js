// The people who are typing in a room. No DOM in here.

/** Somebody counts as typing for so long after the last push: pages send one every 3 s. */
const TYPING_MS = 5_000;

export class Typists {
  #changed;
  /** @type {Map<string, any>} timers by username */
  #timers = new Map();

  /** @param {(names: string[]) => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {string} name */
  add(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => this.remove(name), TYPING_MS),
    );
    this.#changed([...this.#timers.keys()]);
  }

  /** @param {string} name */
  remove(name) {
    if (!this.#timers.has(name)) return;
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    this.#changed([...this.#timers.keys()]);
  }

  close() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
