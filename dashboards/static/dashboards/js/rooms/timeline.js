// What a page holds of a room's log: an unbroken run of its entries, and the person's own messages that are not in the
// log yet. No DOM in here.

/** @import { Entry } from "../live/protocol.d.ts" */

/**
 * A message of the person that is not in the log yet. `stored` means that its entry is still to come.
 *
 * @typedef {object} Pending
 * @property {string} key
 * @property {string} text
 * @property {number} at  when the person sent it, in milliseconds
 * @property {"sending" | "waiting" | "failed" | "stored"} state  `waiting` for a connection
 * @property {string} [error]
 * @property {File} [file]
 * @property {number} [progress]  of an upload, from 0 to 1
 * @property {number} [seq]
 */

/** A run longer than this loses entries at the end that the reader is not at. */
export const WINDOW = 600;
/** How many changes and answers are remembered for entries that are not held, for when these are loaded. */
const REMEMBERED = 1_000;

/** The entries have their edits and removals applied, and are never changed in place. */
export class Timeline {
  #author;
  #changed;
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Map<number, Entry>} the newest edit or removal of a message, by its seq */
  #changes = new Map();
  /** @type {Map<number, Entry>} the newest answer to a command, by its seq */
  #answers = new Map();
  /** @type {Map<string, Pending>} by key */
  #pending = new Map();

  /** The newest known seq of the room. */
  newest = 0;
  /** Whether the run should reach to the newest entry. If not, the reader is in the past. */
  following = true;

  /** @param {string} author  the person's username @param {() => void} [changed]  called after each change */
  constructor(author, changed = () => {}) {
    this.#author = author;
    this.#changed = changed;
  }

  get entries() {
    return this.#entries;
  }

  get pending() {
    return [...this.#pending.values()];
  }

  /** The seq of the first entry that is held. */
  get first() {
    return this.#entries[0]?.seq ?? 1;
  }

  /** The seq of the last entry that is held; 0 if there are none. */
  get last() {
    return this.#entries.at(-1)?.seq ?? 0;
  }

  /** Whether entries are missing at the end of the run: those after `last` have to be loaded. */
  get behind() {
    return this.following && this.last < this.newest;
  }

  /** Whether the log's very first entry is held, or the log is empty. */
  get complete() {
    return this.first <= 1;
  }

  /** @param {number} seq */
  find(seq) {
    const index = seq - this.first; // the run is unbroken, so no search is needed
    return this.#entries[index]?.seq === seq ? this.#entries[index] : undefined;
  }

  /** The `answer` entry of the command `seq`, if it has been seen. @param {number} seq */
  answerTo(seq) {
    return this.#answers.get(seq);
  }

  /** Holds this run in place of the one before. @param {Entry[]} entries @param {number} newest */
  open(entries, newest) {
    this.newest = Math.max(this.newest, newest, entries.at(-1)?.seq ?? 0);
    this.#entries = [];
    this.#rememberChanges(entries);
    this.#entries = entries.map((entry) => this.#withChange(entry));
    this.following = this.last >= this.newest;
    this.#settlePending();
  }

  /** Adds an entry that was pushed. If others are missing before it, the run is `behind`. @param {Entry} entry */
  receive(entry) {
    if (this.#entries.length >= 2 * WINDOW) this.following = false; // the reader is at the other end
    this.#add([entry], entry.seq);
  }

  /**
   * Adds what the hub sends after a reconnect, which may begin after a gap.
   *
   * @param {Entry[]} entries
   * @param {number} newest
   */
  resume(entries, newest) {
    this.#add(entries, newest);
  }

  /** Adds entries right after the last one; the reader is at this end. @param {Entry[]} entries */
  append(entries, newest = 0) {
    this.#add(entries, newest, true);
    this.trimStart();
    if (this.last >= this.newest) this.following = true;
    this.#changed();
  }

  /** Adds entries right before the first one; the reader is at this end. @param {Entry[]} entries */
  prepend(entries) {
    const older = entries.filter(({ seq }) => seq < this.first);
    if (older.length && older[older.length - 1].seq !== this.first - 1) return; // of a run that is no longer held
    this.#rememberChanges(older);
    this.#entries = [...older.map((entry) => this.#withChange(entry)), ...this.#entries];
    if (this.#entries.length > WINDOW) {
      this.#entries.length = WINDOW;
      this.following = false;
    }
    this.#changed();
  }

  /** Forgets entries far above, when the reader is at the newest. */
  trimStart() {
    if (this.#entries.length > WINDOW) this.#entries = this.#entries.slice(-WINDOW);
  }

  /** Keeps the run although newer entries are missing. */
  detach() {
    this.following = false;
    this.#changed();
  }

  /** Adds a message that the person has just sent. @param {Omit<Pending, "state"> & Partial<Pending>} pending */
  addPending(pending) {
    this.#pending.set(pending.key, { state: "sending", ...pending });
    this.#changed();
  }

  /**
   * Changes a pending message; does nothing if its entry is there.
   *
   * @param {string} key
   * @param {Partial<Pending>} fields
   */
  updatePending(key, fields) {
    const pending = this.#pending.get(key);
    if (!pending) return;
    this.#pending.set(key, { ...pending, ...fields });
    this.#changed();
  }

  /**
   * The hub has stored the message as `seq`. It stays pending until its entry is there.
   *
   * @param {string} key
   * @param {number} seq
   */
  markStored(key, seq) {
    this.newest = Math.max(this.newest, seq);
    this.updatePending(key, { state: "stored", seq, error: undefined });
    this.#settlePending();
  }

  /** @param {string} key */
  removePending(key) {
    if (this.#pending.delete(key)) this.#changed();
  }

  /** @param {Entry[]} entries @param {number} newest */
  #add(entries, newest, isAtEnd = false) {
    this.newest = Math.max(this.newest, newest, entries.at(-1)?.seq ?? 0);
    this.#rememberChanges(entries);
    if (this.following || isAtEnd) {
      for (const entry of entries) if (entry.seq === this.last + 1) this.#entries.push(this.#withChange(entry));
    }
    this.#settlePending(entries);
  }

  /**
   * Remembers edits, removals and answers among these, and applies them to the entries that are held.
   *
   * @param {Entry[]} entries
   */
  #rememberChanges(entries) {
    for (const entry of entries) {
      const { kind, of, seq } = entry;
      if (!of) continue;
      // A late answer follows the report that none came in time.
      if (kind === "answer" && seq > (this.#answers.get(of)?.seq ?? 0)) remember(this.#answers, of, entry);
      if (kind !== "edit" && kind !== "removal") continue;
      if ((this.#changes.get(of)?.seq ?? 0) > seq) continue;
      remember(this.#changes, of, entry);
      const held = this.find(of);
      if (held) this.#entries[of - this.first] = this.#withChange(held);
    }
  }

  /**
   * The message with its newest change, which it may have had already when it was loaded.
   *
   * @param {Entry} entry
   * @returns {Entry}
   */
  #withChange(entry) {
    const change = this.#changes.get(entry.seq);
    if (!change || change.at < (entry.edited_at ?? 0)) return entry;
    if (entry.removed_at) return change.kind === "removal" ? { ...entry, removed_by: change.author } : entry;
    if (change.kind === "removal") {
      return { ...entry, text: "", data: {}, files: undefined, removed_at: change.at, removed_by: change.author };
    }
    const { mentions, values, ...data } = entry.data ?? {};
    return { ...entry, text: change.text, data: { ...data, ...change.data }, edited_at: change.at };
  }

  /** Removes pending messages whose entry is there. */
  #settlePending(entries = this.#entries) {
    for (const { key, author } of entries) if (key && author === this.#author) this.#pending.delete(key);
    for (const { key, seq } of this.#pending.values()) {
      if (seq && (seq <= this.last || !this.following)) this.#pending.delete(key);
    }
    this.#changed();
  }
}

/** @param {Map<number, Entry>} map @param {number} of @param {Entry} entry */
function remember(map, of, entry) {
  map.set(of, entry);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED) map.delete(oldest);
}
