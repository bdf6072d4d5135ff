// Keeps the state of inbox.js up to date over the page's one connection. No DOM in here.

import { begin, EMPTY, take } from "./inbox.js";

const PUSHES = ["activity", "direct", "read", "message"];

export class InboxFeed {
  #state = EMPTY;
  #me = "";
  #listeners = new Set();

  constructor(connection) {
    connection.on("welcome", ({ user }) => {
      this.#me = user;
    });
    for (const type of PUSHES) connection.on(type, (push) => this.#become(take(this.#state, push, this.#me)));
    connection.subscribe("inbox", { snapshot: (snapshot) => this.#become(begin(snapshot)) });
  }

  /** The reader's own username; "" before the hub has said it. */
  get me() {
    return this.#me;
  }

  /** Calls `listener(state)` whenever the state changes, and now where it is known; the returned function ends it. */
  on(listener) {
    this.#listeners.add(listener);
    if (this.#state !== EMPTY) listener(this.#state); // a page's own script may run after the snapshot has come
    return () => this.#listeners.delete(listener);
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
