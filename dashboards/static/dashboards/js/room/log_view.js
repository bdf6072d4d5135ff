// The log on the screen: rows that follow the timeline, and a place to read that stays where it is while they do.

import { inNextFrame } from "../frame.js";
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
  #shown = new Map(); // id of a row -> {row, element, end}
  #atEnd = true;
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
    const sized = new ResizeObserver(() => this.#atEnd && this.#toEnd());
    sized.observe(scroller);
    sized.observe(list);
  }

  get atEnd() {
    return this.#atEnd;
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
    this.#atEnd = false;
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
    const anchor = this.#atEnd ? null : this.#anchor();
    this.#reconcile(rows(this.#timeline, this.#options()));
    if (this.#goal && this.#reach(this.#goal)) this.#goal = null;
    else if (this.#atEnd) this.#toEnd();
    else if (anchor?.element.isConnected) this.#scroller.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    this.#age();
    this.#scrolled();
  }

  /** The first row in sight that will still be there, and where it stands. */
  #anchor() {
    const { top } = this.#scroller.getBoundingClientRect();
    for (const element of this.#list.querySelectorAll("li.entry")) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { element, top: box.top };
    }
    return null;
  }

  #reconcile(wanted) {
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
  }

  /** The element of a row: the one there is, unless the row is another now. */
  #element(row) {
    const shown = this.#shown.get(row.id);
    if (shown && same(shown.row, row)) return shown.element;
    const made = this.#entries.make(row);
    if (shown) {
      const focused = shown.element.contains(document.activeElement);
      shown.end();
      shown.element.replaceWith(made.element);
      if (focused) made.element.focus({ preventScroll: true });
    }
    if (made.element.matches("li.entry")) made.element.tabIndex = -1;
    this.#shown.set(row.id, { row, ...made });
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
