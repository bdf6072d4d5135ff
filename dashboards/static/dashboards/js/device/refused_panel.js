// The last refused messages of a device, and values of messages that were left out: why, how often, and how their
// payloads began.

import { now } from "../live/hub_clock.js";
import { everySecond } from "../shell/animation_frames.js";
import { clone, select, setText } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";
import { moment } from "../shell/times.js";
import { fetchRefusals } from "./device_api.js";

/** @import { Parts } from "../shell/dom.js" */
/** @import { Refusal } from "./device_api.js" */
/** @import { Unstored } from "./unstored.js" */

const POLL_S = 10;
const START_BYTES = 200; // of a payload; the hub keeps no more

/** @param {number} size */
function payloadSize(size) {
  const bytes = `${formatCount(size)} ${size === 1 ? "byte" : "bytes"}`;
  return size > START_BYTES ? `first ${START_BYTES} of ${bytes}` : bytes;
}

export class RefusedPanel {
  #panel;
  #uid;
  #reloaded;
  #list;
  #total;
  /** @type {Map<number, Parts>} by id */
  #rows = new Map();
  #seconds = 0;

  /**
   * @param {HTMLElement} panel  hidden while there is nothing to show
   * @param {string} uid
   * @param {(unstored: Unstored | null) => void} reloaded
   */
  constructor(panel, uid, reloaded) {
    this.#panel = panel;
    this.#uid = uid;
    this.#reloaded = reloaded;
    this.#list = select(panel, "ol");
    this.#total = select(panel, ".count");
    everySecond(() => ++this.#seconds >= POLL_S && this.reload());
  }

  /** Shows these, newest first, in place of all others. @param {Refusal[]} refusals */
  replace(refusals) {
    const rows = new Map(refusals.map(({ id }) => [id, this.#rows.get(id) ?? clone("refusal-row")]));
    for (const refusal of refusals) showRefusal(/** @type {Parts} */ (rows.get(refusal.id)), refusal);
    this.#rows = rows;
    const wanted = [...rows.values()].map((row) => row.root);
    // Not touched unless a row moves, so that a selection to be copied is kept.
    const isSame =
      wanted.length === this.#list.children.length && wanted.every((row, i) => this.#list.children[i] === row);
    if (!isSame) this.#list.replaceChildren(...wanted);
    setText(this.#total, formatCount(refusals.reduce((sum, { count }) => sum + count, 0)));
    this.#panel.hidden = !refusals.length;
  }

  /** Fetches them again. If that fails, what is shown stays. */
  async reload() {
    this.#seconds = 0;
    const answer = await fetchRefusals(this.#uid).catch(() => null);
    if (!answer) return;
    this.replace(answer.items);
    this.#reloaded(answer.unstored);
  }
}

/** @param {Parts} row @param {Refusal} refusal */
function showRefusal(row, { meaning, key, detail, kind, start, size, count, first_at: firstAt, at }) {
  setText(row.meaning, meaning);
  setText(row.key, key);
  row.key.hidden = !key;
  setText(row.detail, detail);
  row.detail.hidden = !detail;
  setText(row.count, count > 1 ? `× ${formatCount(count)}` : "");
  row.count.title = count > 1 ? `${formatCount(count)} since ${moment(firstAt, now())}` : "";
  setText(row.start, start);
  row.start.hidden = !start;
  setText(row.kind, size ? `${kind}, ${payloadSize(size)}` : kind);
  row.time.dateTime = new Date(at).toISOString();
  setText(row.time, moment(at, now()));
}
