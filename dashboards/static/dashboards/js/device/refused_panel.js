// The last messages of a device that were refused: why, how often, and how they began.

import { now } from "../live/clock.js";
import { clone, setText } from "../shell/dom.js";
import { moment } from "../shell/format.js";
import { everySecond } from "../shell/frame.js";
import { fetchRefusals } from "./device_api.js";

const POLL_S = 10;
const START_BYTES = 200; // of a payload; the hub keeps no more
const COUNT = new Intl.NumberFormat("en-GB");

function extent(size) {
  const bytes = `${COUNT.format(size)} ${size === 1 ? "byte" : "bytes"}`;
  return size > START_BYTES ? `first ${START_BYTES} of ${bytes}` : bytes;
}

export class RefusedPanel {
  #rows = new Map(); // id -> parts
  #seconds = 0;

  /** `panel` is hidden for as long as there is nothing to show. */
  constructor(panel, uid) {
    this.panel = panel;
    this.uid = uid;
    this.list = panel.querySelector("ol");
    this.total = panel.querySelector(".count");
    everySecond(() => ++this.#seconds >= POLL_S && this.reload());
  }

  /** Shows these, newest first, in place of all others. */
  replace(refusals) {
    const rows = new Map(refusals.map((refusal) => [refusal.id, this.#rows.get(refusal.id) ?? clone("refusal-row")]));
    for (const refusal of refusals) this.#show(rows.get(refusal.id), refusal);
    this.#rows = rows;
    const wanted = [...rows.values()].map((row) => row.root);
    // Untouched where nothing moved: whoever marks a payload to copy it keeps the mark.
    if (wanted.some((row, i) => this.list.children[i] !== row) || this.list.children.length !== wanted.length) {
      this.list.replaceChildren(...wanted);
    }
    setText(this.total, COUNT.format(refusals.reduce((sum, { count }) => sum + count, 0)));
    this.panel.hidden = !refusals.length;
  }

  /** Asks the hub anew. An answer that fails leaves what is shown. */
  reload() {
    this.#seconds = 0;
    return fetchRefusals(this.uid).then(
      (answer) => answer && this.replace(answer.items),
      () => {},
    );
  }

  #show(row, { meaning, detail, kind, start, size, count, first_at: firstAt, at }) {
    setText(row.meaning, meaning);
    setText(row.detail, detail);
    row.detail.hidden = !detail;
    setText(row.count, count > 1 ? `× ${COUNT.format(count)}` : "");
    row.count.title = count > 1 ? `${COUNT.format(count)} since ${moment(firstAt, now())}` : "";
    setText(row.start, start);
    row.start.hidden = !start;
    setText(row.kind, size ? `${kind}, ${extent(size)}` : kind);
    row.time.dateTime = new Date(at).toISOString();
    setText(row.time, moment(at, now()));
  }
}
