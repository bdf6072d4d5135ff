// What a person is writing in a room, and the messages that the hub has not confirmed: kept over a reload. No DOM in
// here.

/** @typedef {{key: string, text: string, at: number}} Unsent */
/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} DraftStorage */

/** How many unsent messages are kept; more are only on the screen. */
const MAX_UNSENT = 100;

export class Draft {
  #name;
  #storage;
  #text = "";
  /** @type {Unsent[]} */
  #unsent = [];

  /**
   * A draft belongs to one person: another who signs in later in the same tab neither sees nor sends it.
   *
   * @param {string} username
   * @param {number} room
   * @param {DraftStorage} [storage]  of the tab; if it is missing or full, nothing outlives the page
   */
  constructor(username, room, storage = tabStorage()) {
    this.#name = `hubbub.room.${username}.${room}`;
    this.#storage = storage;
    this.#load();
  }

  get text() {
    return this.#text;
  }

  set text(text) {
    this.#text = text;
    this.#save();
  }

  /** The unsent messages, oldest first: sent again under the same keys, which makes a repeat harmless. */
  get unsent() {
    return [...this.#unsent];
  }

  /**
   * Keeps a message. `at`: when the person sent it, in milliseconds; kept again, it has the later time.
   *
   * @param {string} key
   * @param {string} text
   * @param {number} at
   */
  keep(key, text, at) {
    const kept = this.#unsent.find((one) => one.key === key);
    if (kept) kept.at = at;
    else if (this.#unsent.length < MAX_UNSENT) this.#unsent.push({ key, text, at });
    this.#save();
  }

  /** Forgets a message that the hub has confirmed. @param {string} key */
  settle(key) {
    this.#unsent = this.#unsent.filter((one) => one.key !== key);
    this.#save();
  }

  #load() {
    try {
      const { text, unsent } = JSON.parse(this.#storage?.getItem(this.#name) ?? "{}");
      this.#text = typeof text === "string" ? text : "";
      this.#unsent = (Array.isArray(unsent) ? unsent : []).filter(isUnsent);
    } catch {
      // the stored text is not ours
    }
  }

  #save() {
    try {
      if (this.#text || this.#unsent.length)
        this.#storage?.setItem(this.#name, JSON.stringify({ text: this.#text, unsent: this.#unsent }));
      else this.#storage?.removeItem(this.#name);
    } catch {
      // the storage is full
    }
  }
}

/** @param {any} unsent */
const isUnsent = ({ key, text, at }) => typeof key === "string" && typeof text === "string" && typeof at === "number";

/** @returns {DraftStorage | undefined} */
function tabStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // the browser's settings forbid storage
  }
}
