// What somebody is writing in a room, and what they have sent that the hub hasn't confirmed: kept over a reload. No DOM
// in here.

/** Of messages that wait to be sent; whoever writes more has them on the screen alone. */
const MOST_UNSENT = 100;

export class Draft {
  #name;
  #storage;
  #text = "";
  #unsent = [];

  /**
   * Of one person: who signs in after them in the same tab neither sees nor sends it. `storage`: that of the tab; it may
   * be missing or full, and then nothing outlives the page.
   */
  constructor(username, room, storage = tabStorage()) {
    this.#name = `hubbub.room.${username}.${room}`;
    this.#storage = storage;
    this.#read();
  }

  get text() {
    return this.#text;
  }

  set text(text) {
    this.#text = text;
    this.#write();
  }

  /** `[{key, text, at}, …]`, oldest first: to be sent again under the same keys, which makes a repeat harmless. */
  get unsent() {
    return [...this.#unsent];
  }

  /** `at`: when the person asked for it, in milliseconds; kept again, it is the later time. */
  keep(key, text, at) {
    const kept = this.#unsent.find((one) => one.key === key);
    if (kept) kept.at = at;
    else if (this.#unsent.length < MOST_UNSENT) this.#unsent.push({ key, text, at });
    this.#write();
  }

  settle(key) {
    this.#unsent = this.#unsent.filter((one) => one.key !== key);
    this.#write();
  }

  #read() {
    try {
      const { text, unsent } = JSON.parse(this.#storage?.getItem(this.#name) ?? "{}");
      this.#text = typeof text === "string" ? text : "";
      this.#unsent = (Array.isArray(unsent) ? unsent : []).filter(isUnsent);
    } catch {
      // what stands there is not ours
    }
  }

  #write() {
    try {
      if (this.#text || this.#unsent.length) {
        this.#storage?.setItem(this.#name, JSON.stringify({ text: this.#text, unsent: this.#unsent }));
      } else this.#storage?.removeItem(this.#name);
    } catch {
      // no room left
    }
  }
}

const isUnsent = ({ key, text, at }) => typeof key === "string" && typeof text === "string" && typeof at === "number";

function tabStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // the browser is told to keep nothing
  }
}
