// The newest commands of a device: who, when, what, and what came of it.

import { now } from "../live/clock.js";
import { clone, setText } from "../shell/dom.js";
import { brief, moment } from "../shell/format.js";

const SHOWN = 20;
const WORDS = { queued: "Queued", sent: "Sent", succeeded: "Done", failed: "Refused", timed_out: "No answer" };

export class CommandList {
  #rows = new Map(); // id -> parts

  constructor(element, empty) {
    this.element = element;
    this.empty = empty;
  }

  /** Shows these, newest first, in place of all others. */
  replace(commands) {
    this.element.replaceChildren();
    this.#rows.clear();
    for (const command of [...commands].reverse()) this.take({ ...command, at: command.changed_at });
    this.empty.hidden = this.#rows.size > 0;
  }

  /** Takes one command as it is now; an unknown one comes on top. */
  take(command) {
    let row = this.#rows.get(command.id);
    if (!row) {
      row = clone("command-row");
      this.#rows.set(command.id, row);
      this.element.prepend(row.root);
      // Times of a push are those of its change; the first one heard of is when it was given.
      this.#when(row, command.issued_at ?? command.at);
      this.#shorten();
    }
    this.empty.hidden = true;
    this.#show(row, command);
  }

  #show(row, { name, args, status, result, error, by }) {
    row.root.dataset.status = status;
    setText(row.name, name);
    setText(row.args, args && Object.keys(args).length ? brief(args) : "");
    row.args.title = row.args.textContent;
    setText(row.status, WORDS[status] ?? status);
    setText(row.by, by || "somebody who has left");
    const answer = brief(result);
    const outcome = status === "succeeded" ? (answer === row.args.textContent ? "" : answer) : (error ?? "");
    setText(row.result, outcome);
    row.result.title = outcome;
    row.result.hidden = !outcome;
  }

  #when(row, at) {
    if (!at) return;
    row.time.dateTime = new Date(at).toISOString();
    setText(row.time, moment(at, now()));
  }

  #shorten() {
    while (this.#rows.size > SHOWN) {
      const [id, row] = this.#rows.entries().next().value;
      row.root.remove();
      this.#rows.delete(id);
    }
  }
}
