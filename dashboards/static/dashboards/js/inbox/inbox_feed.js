// Keeps the state of the inbox up to date over the page's connection. No DOM in here.

import { applyPush, EMPTY, stateOf } from "./inbox_state.js";

/** @import { HubConnection } from "../live/hub_connection.js" */
/** @import { InboxState } from "./inbox_state.js" */

const PUSHES = /** @type {const} */ (["activity", "direct", "read", "message"]);

export class InboxFeed {
  #state = EMPTY;
  #me = "";
  /** @type {Set<(state: InboxState) => void>} */
  #listeners = new Set();

  /** @param {Pick<HubConnection, "on" | "subscribe">} connection */
  constructor(connection) {
    connection.on("welcome", ({ user }) => {
      this.#me = user;
    });
    for (const type of PUSHES) connection.on(type, (push) => this.#changeState(applyPush(this.#state, push, this.#me)));
    connection.subscribe("inbox", { snapshot: (snapshot) => this.#changeState(stateOf(snapshot)) });
  }

  /** The reader's own username; "" until the hub has sent its welcome. */
  get me() {
    return this.#me;
  }

  /**
   * Calls `listener` whenever the state changes, and at once if it is known: a page's own script may run after the
   * snapshot has arrived. The returned function ends it.
   *
   * @param {(state: InboxState) => void} listener
   */
  onState(listener) {
    this.#listeners.add(listener);
    if (this.#state !== EMPTY) listener(this.#state);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {InboxState} state */
  #changeState(state) {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
