// The log on the screen: rows that follow the timeline, and a place to read that stays where it is while they do.

import { inNextFrame } from "../shell/frame.js";
import { PATIENCE_MS, rows } from "./layout.js";

/** So near to the end the reader is taken to be at it. */
const AT_END_PX = 40;
/** History is asked for before its edge is in sight. */
const AHEAD_PX = 600;
const LIT_MS = 2_600;

export class LogView {
  #scroller;
  #list;
  #entries;
  #timeline;
  #options;
  #tell;
  #rows = []; // as they stand on the screen
  #shown = new Map(); // id of a row -> {row, element, end}
  #atEnd = true;
  #place = null; // where the reader is who is not at the end: {id, offset}, a row and how far it is below the log's top
  #goal = null; // what the next drawing is to bring into sight: {id, lit}
  #ageing;
  #draw = () => this.#drawNow();

  /**
   * `options()` gives what `rows` needs besides the timeline. `tell(name)`: `older`, `newer` when the reader comes near
   * an edge, `moved` when they have come to the newest or left it.
   */
  constructor(scroller, list, { timeline, entries, options, tell }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#timeline = timeline;
    this.#entries = entries;
    this.#options = options;
    this.#tell = tell;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const sized = new ResizeObserver(() => this.#keep(this.#place));
    sized.observe(scroller);
    sized.observe(list);
  }

  /** Whether the reader is at the newest entry; not while another place is still to be drawn. */
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

  /** Brings the message `seq` into sight and lights it up. */
  toMessage(seq) {
    this.#goal = { id: `seq-${seq}`, lit: true };
    this.redraw();
  }

  /** Begins where the person has stopped reading, if that is out of sight. */
  toUnread() {
    this.#goal = { id: "new", lit: false };
    this.redraw();
  }

  elementOf(seq) {
    return this.#shown.get(`seq-${seq}`)?.element;
  }

  /** The row that an element of the log belongs to. */
  rowOf(element) {
    const root = element.closest("li.entry");
    return root && [...this.#shown.values()].find((shown) => shown.element === root)?.row;
  }

  #drawNow() {
    const wanted = rows(this.#timeline, this.#options());
    const place = this.#atEnd ? null : this.#placeAmong(new Set(wanted.map(({ id }) => id)));
    this.#reconcile(wanted);
    const goal = this.#goal;
    this.#goal = null; // also where it can't be met: later it would take the reader away from where they are
    if (!goal || !this.#reach(goal)) this.#keep(place);
    this.#age();
    this.#scrolled();
  }

  /** The first row in sight that is among these, and where it stands. */
  #placeAmong(ids) {
    const { top } = this.#scroller.getBoundingClientRect();
    const boxOf = ({ id }) => this.#shown.get(id).element.getBoundingClientRect();
    let [first, end] = [0, this.#rows.length];
    while (first < end) {
      const middle = (first + end) >> 1;
      if (boxOf(this.#rows[middle]).bottom > top) end = middle;
      else first = middle + 1;
    }
    const row = this.#rows.slice(first).find(({ id, entry, pending }) => (entry || pending) && ids.has(id));
    return row ? { id: row.id, offset: boxOf(row).top - top } : null;
  }

  /** Stays at the end, or at the place: by the row's id, as its element may be another by now. */
  #keep(place) {
    if (!this.#scroller.clientHeight) return; // not on the screen at all
    if (this.#atEnd) {
      this.#toEnd();
      return;
    }
    const element = this.#shown.get(place?.id)?.element;
    if (!element) return;
    const moved = element.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top - place.offset;
    if (Math.abs(moved) >= 1) this.#scroller.scrollTop += moved;
  }

  #reconcile(wanted) {
    const focused = this.#list.contains(document.activeElement);
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, { element, end }] of this.#shown) {
      if (ids.has(id)) continue;
      end();
      element.remove();
      this.#shown.delete(id);
    }
    const elements = wanted.map((row) => this.#element(row));
    let next = this.#list.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    this.#rows = wanted;
    if (focused && !this.#list.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
  }

  /** The element of a row: the one there is, unless the row is another now. */
  #element(row) {
    const shown = this.#shown.get(row.id);
    if (shown && same(shown.row, row)) return shown.element;
    const made = this.#entries.make(row);
    if (made.element.matches("li.entry")) made.element.tabIndex = -1;
    this.#shown.set(row.id, { row, ...made }); // before it has the focus: who hears of that asks for its row
    if (shown) {
      const focused = shown.element.contains(document.activeElement);
      shown.end();
      shown.element.replaceWith(made.element);
      if (focused) made.element.focus({ preventScroll: true });
    }
    return made.element;
  }

  #reach({ id, lit }) {
    const element = this.#shown.get(id)?.element;
    if (!element) return false;
    const within = element.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    const share = lit ? 0.3 : 0.06;
    this.#scroller.scrollTop += within - this.#scroller.clientHeight * share;
    this.#atEnd = this.#isAtEnd();
    if (lit) light(element);
    return true;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return this.#timeline.following && scrollHeight - clientHeight - scrollTop < AT_END_PX;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (!clientHeight) return; // not on the screen at all
    this.#atEnd = this.#isAtEnd();
    this.#place = this.#atEnd ? null : this.#placeAmong(this.#shown);
    if (scrollTop < AHEAD_PX) this.#tell("older");
    if (scrollHeight - clientHeight - scrollTop < AHEAD_PX) this.#tell("newer");
    this.#tell("moved");
  }

  /** A command that waits for its answer looks another when it has waited too long. */
  #age() {
    clearTimeout(this.#ageing);
    if ([...this.#shown.values()].some(({ row }) => row.open)) this.#ageing = setTimeout(this.#draw, PATIENCE_MS / 4);
  }
}

function same(a, b) {
  return Object.keys(b).every((name) => a[name] === b[name]) && Object.keys(a).length === Object.keys(b).length;
}

function light(element) {
  element.classList.add("lit");
  setTimeout(() => element.classList.remove("lit"), LIT_MS);
}
