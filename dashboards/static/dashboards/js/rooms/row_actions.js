// What a person can do with a row of the log.

import { messageOf } from "../shell/forms.js";
import { isEditable } from "./log_rows.js";
import { toggleRevisions } from "./revisions.js";

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { Composer } from "./composer.js" */
/** @import { LogView } from "./log_view.js" */
/** @import { RoomApi } from "./room_api.js" */
/** @import { RoomLog } from "./room_log.js" */
/** @import { Pending } from "./timeline.js" */

/** @typedef {"link" | "edit" | "remove"} Tool  an action that the toolbar of a message offers */

/**
 * @typedef {object} ActionContext
 * @property {RoomLog} log
 * @property {RoomApi} api
 * @property {() => Composer} composer
 * @property {() => LogView} view
 * @property {boolean} manages  whether the person may delete messages of others
 * @property {(seq: number) => string} link
 * @property {(text: string) => void} announce
 */

const COPIED_MS = 1_500;

export class RowActions {
  #context;

  /** @param {ActionContext} context */
  constructor(context) {
    this.#context = context;
  }

  /** The actions that the toolbar offers for an entry. @param {Entry} entry @returns {Tool[]} */
  toolsFor(entry) {
    const { log, composer, manages } = this.#context;
    if (composer().isClosed || entry.kind !== "chat" || entry.removed_at) return ["link"];
    if (isEditable(entry, log.username)) return ["link", "edit", "remove"];
    return manages ? ["link", "remove"] : ["link"];
  }

  /** @param {Tool} tool @param {Entry} entry */
  run(tool, entry) {
    if (tool === "link") this.#copyLink(entry.seq);
    else if (tool === "edit") this.#context.composer().edit(entry);
    else this.#remove(entry.seq);
  }

  /** Shows a message and highlights it. @param {number} seq */
  async show(seq) {
    await this.#try("", () => this.#context.log.show(seq));
  }

  /** @param {Entry} answer */
  showAnswer(answer) {
    this.show(answer.seq);
  }

  /** @param {Entry} answer */
  showCommand(answer) {
    if (answer.of) this.show(answer.of);
  }

  /** @param {number} seq @param {HTMLElement} row */
  toggleRevisions(seq, row) {
    toggleRevisions(row, () => this.#context.api.revisions(seq));
  }

  /** @param {Pending} pending */
  retry({ key }) {
    this.#context.composer().focus(); // the button disappears
    this.#context.log.queue.retry(key);
  }

  /** Gives up a message. Its text goes back to the composer if that is empty. @param {Pending} pending */
  discard({ key, text }) {
    const composer = this.#context.composer();
    this.#context.log.queue.discard(key);
    if (composer.isEmpty) composer.text = text;
    composer.focus();
  }

  /** @param {number} seq */
  async #remove(seq) {
    await this.#try("Not deleted: ", () => this.#context.log.remove(seq));
  }

  /** @param {number} seq */
  async #copyLink(seq) {
    const { link, announce, view } = this.#context;
    const address = new URL(link(seq), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
    } catch {
      history.replaceState(null, "", address); // without TLS there is no clipboard: the address bar shows it instead
      return;
    }
    announce("The link is copied");
    const button = view().elementOf(seq)?.querySelector("[data-act=link]");
    button?.setAttribute("data-copied", "");
    setTimeout(() => button?.removeAttribute("data-copied"), COPIED_MS);
  }

  /** @param {string} prefix  of the problem that is shown @param {() => Promise<unknown>} work */
  async #try(prefix, work) {
    try {
      await work();
    } catch (error) {
      this.#context.composer().showProblem(prefix + messageOf(error));
    }
  }
}
