// The history of a device's availability: a band of the last day or week, and the same as a list.

import { now } from "../live/hub_clock.js";
import { everySecond } from "../shell/animation_frames.js";
import { clone, find, make, selectAll, setText } from "../shell/dom.js";
import { moment } from "../shell/times.js";
import { duration, onlineShare, percent, statusSpans } from "./availability.js";
import { fetchAvailability } from "./device_api.js";
import { setAvailability } from "./status_labels.js";

/** @import { Change, StatusSpan } from "./availability.js" */

const DAY_MS = 86_400_000;
const POLL_S = 30; // merged changes of a device that flaps are not pushed
const DRAW_S = 5;
const SETTLE_MS = 500; // a burst of pushes leads to one request
const MAX_ROWS = 100;

export class AvailabilityPanel {
  #panel;
  #uid;
  /** @type {Change[]} */
  #items = [];
  #windowMs = DAY_MS;
  #seconds = 0;
  /** @type {any} */
  #timer = null;
  #drawn = "";

  /** @param {HTMLElement} panel @param {string} uid */
  constructor(panel, uid) {
    this.#panel = panel;
    this.#uid = uid;
    const buttons = selectAll(panel, "[data-days]");
    for (const button of buttons) {
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        this.#windowMs = Number(button.dataset.days) * DAY_MS;
        this.#fetch();
      });
    }
    everySecond(() => this.#tick());
  }

  /** Shows an answer of the HTTP API. @param {{items: Change[], flapping: boolean}} history */
  show({ items, flapping }) {
    this.#items = items;
    find(this.#panel, "flapping").hidden = !flapping;
    this.#draw();
  }

  /** Fetches the history again, soon. If that fails, what is shown stays. */
  reload() {
    this.#timer ??= setTimeout(() => this.#fetch(), SETTLE_MS);
  }

  async #fetch() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#seconds = 0;
    const windowMs = this.#windowMs;
    const history = await fetchAvailability(this.#uid, now() - windowMs, now()).catch(() => null);
    if (history && windowMs === this.#windowMs) this.show(history);
  }

  #tick() {
    if (++this.#seconds >= POLL_S) this.#fetch();
    else if (this.#seconds % DRAW_S === 0) this.#draw();
  }

  #draw() {
    const end = now();
    const start = end - this.#windowMs;
    const spans = statusSpans(this.#items, start, end);
    const share = onlineShare(spans);
    find(this.#panel, "share").hidden = share === null;
    if (share !== null) setText(find(this.#panel, "share"), `${percent(share)} online`);
    const band = find(this.#panel, "band");
    band.replaceChildren(...spans.map((one) => makeSegment(one, start, end)));
    band.setAttribute("aria-label", share === null ? "Unknown" : `${percent(share)} online`);
    setText(find(this.#panel, "band-start"), moment(start, end).slice(0, -3));
    this.#drawList(spans, end);
  }

  /** @param {StatusSpan[]} spans @param {number} end */
  #drawList(spans, end) {
    const known = spans.filter(({ status }) => status !== "unknown");
    const shown = known.slice(-MAX_ROWS).reverse();
    const rows = shown.map((one, i) => makeRow(one, i === 0 && one.to === end, end));
    const list = find(this.#panel, "spans");
    // Not touched unless a text changes, so that a selection to be copied is kept.
    const text = rows.map(({ textContent }) => textContent).join("\n");
    if (text !== this.#drawn) list.replaceChildren(...rows);
    this.#drawn = text;
    list.hidden = !rows.length;
  }
}

/** @param {StatusSpan} span @param {number} start @param {number} end */
function makeSegment({ status, from, to }, start, end) {
  const element = make("i");
  element.dataset.status = status;
  element.style.left = `${((from - start) / (end - start)) * 100}%`;
  element.style.width = `${((to - from) / (end - start)) * 100}%`;
  return element;
}

/** @param {StatusSpan} span @param {boolean} lasts @param {number} end @returns {HTMLElement} */
function makeRow({ status, from, to, changes }, lasts, end) {
  const parts = clone("availability-row");
  setAvailability(parts.status, status);
  setText(parts.span, duration(to - from));
  const times = lasts ? `since ${moment(from, end)}` : `${moment(from, end)} to ${moment(to, end)}`;
  setText(parts.times, times + (changes ? `, ${changes} changes` : ""));
  return parts.root;
}
