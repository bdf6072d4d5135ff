// The log on the screen: its rows follow the timeline, and the reader's position stays while they change.

import { Emitter } from "../live/emitter.js";
import { inNextFrame } from "../shell/animation_frames.js";
import { AGEING_MS, rowsOf } from "./log_rows.js";

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { Row } from "./log_rows.js" */
/** @import { RoomLog } from "./room_log.js" */
/** @import { RowElements } from "./row_elements.js" */

/** @typedef {{row: Row, element: HTMLElement, end: () => void}} ShownRow */
/** @typedef {{id: string, offset: number}} Place  a row and its distance from the top of the log */

/** A reader this near the end counts as being there. */
const AT_END_PX = 40;
/** More of the log is loaded before its edge comes into sight. */
const AHEAD_PX = 600;
const HIGHLIGHT_MS = 2_600;

/** @extends {Emitter<{scrolled: void}>} `scrolled`: the reader may have come to the newest entry or left it */
export class LogView extends Emitter {
  #scroller;
  #list;
  #elements;
  #log;
  #options;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Map<string, ShownRow>} by id of the row */
  #shown = new Map();
  #atEnd = true;
  /** @type {Place | null} the place of a reader who is not at the end */
  #place = null;
  /** @type {{id: string, highlighted: boolean} | null} what the next drawing brings into view */
  #goal = null;
  /** @type {any} */
  #ageTimer;
  #draw = () => this.#drawNow();

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list
   * @param {object} options
   * @param {RoomLog} options.log
   * @param {RowElements} options.elements
   * @param {() => {unreadAfter: number | null, username: string, now: number}} options.rowOptions
   */
  constructor(scroller, list, { log, elements, rowOptions }) {
    super();
    this.#scroller = scroller;
    this.#list = list;
    this.#log = log;
    this.#elements = elements;
    this.#options = rowOptions;
    scroller.addEventListener("scroll", () => this.#handleScroll(), { passive: true });
    const sized = new ResizeObserver(() => this.#keep(this.#place));
    sized.observe(scroller);
    sized.observe(list);
  }

  /** Whether the reader is at the newest entry; false while another place is still to be drawn. */
  get atEnd() {
    return this.#atEnd && !this.#goal;
  }

  redraw() {
    inNextFrame(this.#draw);
  }

  /** Goes to the newest entry and stays there. */
  toEnd() {
    this.#atEnd = true;
    this.#goal = null;
    this.redraw();
  }

  /** Brings a message into view and highlights it. @param {number} seq */
  toMessage(seq) {
    this.#goal = { id: `seq-${seq}`, highlighted: true };
    this.redraw();
  }

  /** Goes to where the person has stopped reading. */
  toUnread() {
    this.#goal = { id: "new", highlighted: false };
    this.redraw();
  }

  /** @param {number} seq */
  elementOf(seq) {
    return this.#shown.get(`seq-${seq}`)?.element;
  }

  /** The entry of the row that an element belongs to. @param {Element} element @returns {Entry | undefined} */
  entryOf(element) {
    const root = element.closest("li.entry");
    const row = root && [...this.#shown.values()].find((shown) => shown.element === root)?.row;
    return row && "entry" in row ? row.entry : undefined;
  }

  #drawNow() {
    const rows = rowsOf(this.#log.timeline, this.#options());
    const place = this.#atEnd ? null : this.#placeAmong(new Set(rows.map(({ id }) => id)));
    this.#reconcile(rows);
    const goal = this.#goal;
    this.#goal = null; // even if it can't be reached: later it would move the reader unexpectedly
    if (!goal || !this.#reach(goal)) this.#keep(place);
    this.#scheduleAgeing();
    this.#handleScroll();
  }

  /** The first row in view that is among these, and its position. @param {{has: (id: string) => boolean}} ids */
  #placeAmong(ids) {
    const { top } = this.#scroller.getBoundingClientRect();
    const boxOf = (/** @type {Row} */ { id }) => this.#boxOf(id) ?? new DOMRect();
    let [first, end] = [0, this.#rows.length];
    while (first < end) {
      const middle = (first + end) >> 1;
      if (boxOf(this.#rows[middle]).bottom > top) end = middle;
      else first = middle + 1;
    }
    const isLasting = (/** @type {Row} */ row) => row.type !== "day" && row.type !== "new" && ids.has(row.id);
    const row = this.#rows.slice(first).find(isLasting);
    return row ? { id: row.id, offset: boxOf(row).top - top } : null;
  }

  /** @param {string} id */
  #boxOf(id) {
    return this.#shown.get(id)?.element.getBoundingClientRect();
  }

  /**
   * Stays at the end, or at the place: by the id of its row, as its element may have been replaced.
   *
   * @param {Place | null} place
   */
  #keep(place) {
    if (!this.#scroller.clientHeight) return; // the log is not on the screen
    if (this.#atEnd) {
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      return;
    }
    const box = place && this.#boxOf(place.id);
    if (!box) return;
    const moved = box.top - this.#scroller.getBoundingClientRect().top - place.offset;
    if (Math.abs(moved) >= 1) this.#scroller.scrollTop += moved;
  }

  /** @param {Row[]} rows */
  #reconcile(rows) {
    const hadFocus = this.#list.contains(document.activeElement);
    const ids = new Set(rows.map(({ id }) => id));
    for (const [id, { element, end }] of this.#shown) {
      if (ids.has(id)) continue;
      end();
      element.remove();
      this.#shown.delete(id);
    }
    const elements = rows.map((row) => this.#elementFor(row));
    let next = this.#list.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    this.#rows = rows;
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
  }

  /** The element of a row: the present one, unless the row has changed. @param {Row} row */
  #elementFor(row) {
    const shown = this.#shown.get(row.id);
    if (shown && isSame(shown.row, row)) return shown.element;
    const made = this.#elements.make(row);
    if (made.element.matches("li.entry")) made.element.tabIndex = -1;
    this.#shown.set(row.id, { row, ...made }); // before it gets the focus: focus listeners look up its row
    if (shown) {
      const hadFocus = shown.element.contains(document.activeElement);
      shown.end();
      shown.element.replaceWith(made.element);
      if (hadFocus) made.element.focus({ preventScroll: true });
    }
    return made.element;
  }

  /** Scrolls to a row; returns whether it exists. @param {{id: string, highlighted: boolean}} goal */
  #reach({ id, highlighted }) {
    const element = this.#shown.get(id)?.element;
    if (!element) return false;
    const within = element.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    const share = highlighted ? 0.3 : 0.06;
    this.#scroller.scrollTop += within - this.#scroller.clientHeight * share;
    this.#atEnd = this.#isAtEnd();
    if (highlighted) highlight(element);
    return true;
  }

  #isAtEnd() {
    return this.#log.timeline.following && this.#belowPx() < AT_END_PX;
  }

  #belowPx() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - clientHeight - scrollTop;
  }

  #handleScroll() {
    if (!this.#scroller.clientHeight) return; // the log is not on the screen
    this.#atEnd = this.#isAtEnd();
    this.#place = this.#atEnd ? null : this.#placeAmong(this.#shown);
    // A load that fails is repeated at the next scroll.
    if (this.#scroller.scrollTop < AHEAD_PX) this.#log.loadOlder().catch(() => {});
    if (this.#belowPx() < AHEAD_PX) this.#log.loadNewer().catch(() => {});
    this.emit("scrolled", undefined);
  }

  /** A command that has waited too long for its answer looks different. */
  #scheduleAgeing() {
    clearTimeout(this.#ageTimer);
    const hasOpen = this.#rows.some((row) => row.type === "command" && row.open);
    if (hasOpen) this.#ageTimer = setTimeout(this.#draw, AGEING_MS);
  }
}

/** @param {Row} a @param {Row} b */
function isSame(a, b) {
  const [first, second] = [Object.entries(a), /** @type {Record<string, unknown>} */ (b)];
  return first.length === Object.keys(b).length && first.every(([name, value]) => value === second[name]);
}

/** @param {HTMLElement} element */
function highlight(element) {
  element.classList.add("lit");
  setTimeout(() => element.classList.remove("lit"), HIGHLIGHT_MS);
}
