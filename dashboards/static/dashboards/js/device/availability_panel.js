// What became of a device when: a band of the last day or week, and beneath it the same in words.

import { now } from "../live/clock.js";
import { clone, setAvailability, setText } from "../shell/dom.js";
import { moment } from "../shell/format.js";
import { everySecond } from "../shell/frame.js";
import { duration, onlineShare, percent, spansOf } from "./availability.js";
import { fetchAvailability } from "./device_api.js";

const DAY_MS = 86_400_000;
const POLL_S = 30; // merged changes of a device that flaps come without a push
const DRAW_S = 5;
const SETTLE_MS = 500; // a burst of pushes asks once
const MAX_ROWS = 100;

export class AvailabilityPanel {
  #items = [];
  #windowMs = DAY_MS;
  #seconds = 0;
  #due = null;
  #drawn = "";

  constructor(panel, uid) {
    this.panel = panel;
    this.uid = uid;
    this.find = (name) => panel.querySelector(`[data-${name}]`);
    const buttons = [...panel.querySelectorAll("[data-days]")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        this.#windowMs = Number(button.dataset.days) * DAY_MS;
        this.#reload();
      });
    }
    everySecond(() => this.#tick());
  }

  /** Shows an answer of the HTTP API. */
  show({ items, flapping }) {
    this.#items = items;
    this.find("flapping").hidden = !flapping;
    this.#draw();
  }

  /** Asks the hub anew, soon. An answer that fails leaves what is shown. */
  reload() {
    this.#due ??= setTimeout(() => this.#reload(), SETTLE_MS);
  }

  async #reload() {
    clearTimeout(this.#due);
    [this.#due, this.#seconds] = [null, 0];
    const windowMs = this.#windowMs;
    const answer = await fetchAvailability(this.uid, now() - windowMs, now()).catch(() => null);
    if (answer && windowMs === this.#windowMs) this.show(answer);
  }

  #tick() {
    if (++this.#seconds >= POLL_S) this.#reload();
    else if (this.#seconds % DRAW_S === 0) this.#draw();
  }

  #draw() {
    const end = now();
    const start = end - this.#windowMs;
    const spans = spansOf(this.#items, start, end);
    const share = onlineShare(spans);
    this.find("share").hidden = share === null;
    if (share !== null) setText(this.find("share"), `${percent(share)} online`);
    this.find("band").replaceChildren(...spans.map((one) => piece(one, start, end)));
    this.find("band").setAttribute("aria-label", share === null ? "Nothing known" : `${percent(share)} online`);
    setText(this.find("band-start"), moment(start, end).slice(0, -3));
    this.#list(spans, end);
  }

  #list(spans, end) {
    const told = spans
      .filter(({ status }) => status !== "unknown")
      .slice(-MAX_ROWS)
      .reverse();
    const rows = told.map((one, i) => row(one, i === 0 && one.to === end, end));
    // Untouched where no word changes: whoever marks a time to copy it keeps the mark.
    const text = rows.map(({ textContent }) => textContent).join("\n");
    if (text !== this.#drawn) this.find("spans").replaceChildren(...rows);
    this.#drawn = text;
    this.find("spans").hidden = !rows.length;
  }
}

function piece({ status, from, to }, start, end) {
  const element = document.createElement("i");
  element.dataset.status = status;
  element.style.left = `${((from - start) / (end - start)) * 100}%`;
  element.style.width = `${((to - from) / (end - start)) * 100}%`;
  return element;
}

function row({ status, from, to, changes }, lasts, end) {
  const parts = clone("availability-row");
  setAvailability(parts.status, status);
  setText(parts.span, duration(to - from));
  const words = changes ? `, ${changes} changes` : "";
  const times = lasts ? `since ${moment(from, end)}` : `${moment(from, end)} to ${moment(to, end)}`;
  setText(parts.times, times + words);
  return parts.root;
}
