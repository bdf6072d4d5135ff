// The latest commands of a device: when, by whom, what, and what became of it.

import { now } from "../live/hub_clock.js";
import { clone, setText } from "../shell/dom.js";
import { brief } from "../shell/numbers.js";
import { moment } from "../shell/times.js";
import { commandLabel, isFinal } from "./status_labels.js";

/** @import { CommandPush } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */

const MAX_SHOWN = 20;

export class CommandList {
  #element;
  #empty;
  /** @type {Map<string, Parts>} by id */
  #rows = new Map();

  /** @param {HTMLElement} element @param {HTMLElement} empty  shown while there are no commands */
  constructor(element, empty) {
    this.#element = element;
    this.#empty = empty;
  }

  /** Shows these commands, newest first, in place of all others. @param {CommandPush[]} commands */
  replace(commands) {
    const before = this.#rows;
    this.#rows = new Map();
    this.#element.replaceChildren();
    for (const command of [...commands].reverse()) {
      const row = before.get(command.id);
      if (row) this.#prepend(command.id, row);
      this.update({ ...command, at: command.changed_at });
    }
    this.#empty.hidden = this.#rows.size > 0;
  }

  /** Shows one command as it is now; a new one goes to the top. @param {CommandPush} command */
  update(command) {
    const row = this.#rows.get(command.id) ?? this.#add(command);
    this.#empty.hidden = true;
    const { name, args, status, result, error, by } = command;
    // Several processes report of a command, and a list may have been read before its answer came.
    if (isFinal(row.root.dataset.status) && !isFinal(status)) return;
    row.root.dataset.status = status;
    setText(row.name, name);
    setText(row.args, args && Object.keys(args).length ? brief(args) : "");
    row.args.title = row.args.textContent;
    setText(row.status, commandLabel(status));
    setText(row.by, by || "a former member");
    const answer = brief(result) === row.args.textContent ? "" : brief(result);
    const outcome = status === "succeeded" ? answer : (error ?? "");
    setText(row.result, outcome);
    row.result.title = outcome;
    row.result.hidden = !outcome;
  }

  /** @param {CommandPush} command */
  #add(command) {
    const row = clone("command-row");
    this.#prepend(command.id, row);
    // The time of a push is that of the change; the first push of a command comes when it was issued.
    const at = command.issued_at ?? command.at;
    if (at) {
      row.time.dateTime = new Date(at).toISOString();
      setText(row.time, moment(at, now()));
    }
    for (const [id, { root }] of [...this.#rows].slice(0, -MAX_SHOWN)) {
      root.remove();
      this.#rows.delete(id);
    }
    return row;
  }

  /** @param {string} id @param {Parts} row */
  #prepend(id, row) {
    this.#rows.set(id, row);
    this.#element.prepend(row.root);
  }
}
