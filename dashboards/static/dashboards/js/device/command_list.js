// The latest commands of a device: when, by whom, what, and what became of it.

import { now } from "../live/hub_clock.js";
import { clone, setText } from "../shell/dom.js";
import { brief } from "../shell/numbers.js";
import { moment, timeLeft } from "../shell/times.js";
import { commandLabel, isFinal, toneOf } from "./status_labels.js";

/** @import { CommandPush } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */

const MAX_SHOWN = 20;
/** A command that waits for less than this shows no time left: it would be over before it is read. */
const LONG_MS = 60_000;

/** @typedef {{parts: Parts, command: CommandPush, issuedAt: number}} ShownCommand */

export class CommandList {
  #element;
  #empty;
  /** @type {Map<string, ShownCommand>} by id */
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
    // Several processes report of a command, and a list may have been read before its answer came.
    if (isNewer(row.command, command)) return;
    row.command = command;
    const { name, args, result, error, by } = command;
    const { parts } = row;
    const tone = toneOf(command);
    parts.root.dataset.status = tone;
    setText(parts.name, name);
    setText(parts.args, args && Object.keys(args).length ? brief(args) : "");
    parts.args.title = parts.args.textContent;
    showStatus(row);
    setText(parts.by, by || "a former member");
    const answer = brief(result) === parts.args.textContent ? "" : brief(result);
    const outcome = tone === "succeeded" ? answer : (error ?? "");
    setText(parts.result, outcome);
    parts.result.title = outcome;
    parts.result.hidden = !outcome;
  }

  /** Shows how long the open commands still wait. */
  tick() {
    for (const row of this.#rows.values()) if (!isFinal(row.command.status)) showStatus(row);
  }

  /** @param {CommandPush} command @returns {ShownCommand} */
  #add(command) {
    const parts = clone("command-row");
    // The time of a push is that of the change; the first push of a command comes when it was issued.
    const at = command.issued_at ?? command.at;
    if (at) {
      parts.time.dateTime = new Date(at).toISOString();
      setText(parts.time, moment(at, now()));
    }
    const row = { parts, command, issuedAt: at ?? 0 };
    this.#prepend(command.id, row);
    for (const [id, old] of [...this.#rows].slice(0, -MAX_SHOWN)) {
      old.parts.root.remove();
      this.#rows.delete(id);
    }
    return row;
  }

  /** @param {string} id @param {ShownCommand} row */
  #prepend(id, row) {
    this.#rows.set(id, row);
    this.#element.prepend(row.parts.root);
  }
}

/** Whether what is shown is newer than the push. @param {CommandPush} shown @param {CommandPush} command */
function isNewer(shown, command) {
  if (isFinal(shown.status) && !isFinal(command.status)) return true;
  return Boolean(shown.late) && !command.late;
}

/** @param {ShownCommand} row */
function showStatus({ parts, command, issuedAt }) {
  const { status, expires_at: end = 0 } = command;
  const isWaiting = !isFinal(status) && end - issuedAt >= LONG_MS && end > now();
  setText(parts.status, isWaiting ? `${commandLabel(command)}, ${timeLeft(end - now())}` : commandLabel(command));
}
