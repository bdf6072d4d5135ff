// What a page holds of a room's log: an unbroken run of its entries, and what the person has said and the log hasn't yet
// given back. No DOM in here.

/** A run longer than this loses entries at the end that the reader is not at. */
export const WINDOW = 600;
/** Edits, removals and answers that are remembered for messages that are not held, for when these are read. */
const REMEMBERED = 1_000;

/**
 * Entries are those of the stream `room:<id>`, with their edits and removals applied; they are never changed in place.
 * What is said here and not stored yet is a pending entry, `{key, text, at, state, error?, file?, progress?, seq?}`;
 * its state is `sending`, `waiting` (for a connection), `failed` or `stored` (and its entry is still to come).
 */
export class Timeline {
  #author;
  #changed;
  #entries = [];
  #changes = new Map(); // seq of a message -> its newest edit or removal
  #answers = new Map(); // seq of a command -> what came of it
  #pending = new Map(); // key -> pending entry

  /** The newest seq of the room that is known of. */
  newest = 0;
  /** Whether the run is meant to reach to the newest entry; else the reader is in the past. */
  following = true;

  /** `author`: the person's username; `changed()` is called after each change. */
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

  /** Seq of the first entry held. */
  get first() {
    return this.#entries[0]?.seq ?? 1;
  }

  /** Seq of the last entry held; 0 where none is. */
  get last() {
    return this.#entries.at(-1)?.seq ?? 0;
  }

  /** Whether entries that belong into the run are missing at its end: ask for those after `last`. */
  get behind() {
    return this.following && this.last < this.newest;
  }

  /** Whether the log's very first entry is held, or there is none. */
  get complete() {
    return this.first <= 1;
  }

  find(seq) {
    const index = seq - this.first; // unbroken, so that no search is needed
    return this.#entries[index]?.seq === seq ? this.#entries[index] : undefined;
  }

  /** What came of the command `seq`: its `answer` entry, if it has been seen. */
  answerTo(seq) {
    return this.#answers.get(seq);
  }

  /** Shows this run in place of the one before. */
  open(messages, newest) {
    this.newest = Math.max(this.newest, newest, messages.at(-1)?.seq ?? 0);
    this.#entries = [];
    this.#learn(messages);
    this.#entries = messages.map((message) => this.#settled(message));
    this.following = this.last >= this.newest;
    this.#matched();
  }

  /** A message that was pushed. One that doesn't follow on the last makes the run `behind`. */
  take(message) {
    if (this.#entries.length >= 2 * WINDOW) this.following = false; // somebody reads at the other end
    this.#add([message], message.seq);
  }

  /** What the hub sends after a reconnect: messages up to `newest`, of which the first may leave a hole. */
  resume(messages, newest) {
    this.#add(messages, newest);
  }

  /** Entries that come right after the last one; the reader is at this end. */
  append(messages, newest = 0) {
    this.#add(messages, newest, true);
    this.trimStart();
    if (this.last >= this.newest) this.following = true;
    this.#changed();
  }

  /** Entries that come right before the first one; the reader is at this end. */
  prepend(messages) {
    const older = messages.filter(({ seq }) => seq < this.first);
    if (older.length && older.at(-1).seq !== this.first - 1) return; // of a run that is no longer shown
    this.#learn(older);
    this.#entries = [...older.map((message) => this.#settled(message)), ...this.#entries];
    if (this.#entries.length > WINDOW) {
      this.#entries.length = WINDOW;
      this.following = false;
    }
    this.#changed();
  }

  /** Lets go of what is far above, when the reader is at the newest. */
  trimStart() {
    if (this.#entries.length > WINDOW) this.#entries = this.#entries.slice(-WINDOW);
  }

  /** Stays with the run that is held although newer entries are missing. */
  detach() {
    this.following = false;
    this.#changed();
  }

  /** Something that the person has just said. */
  say(pending) {
    this.#pending.set(pending.key, { state: "sending", ...pending });
    this.#changed();
  }

  /** What has changed of a pending entry; nothing where it is settled. */
  update(key, fields) {
    if (!this.#pending.has(key)) return;
    this.#pending.set(key, { ...this.#pending.get(key), ...fields });
    this.#changed();
  }

  /** The hub has stored it as `seq`; it stays until its entry is there, whichever of the two comes first. */
  stored(key, seq) {
    this.newest = Math.max(this.newest, seq);
    this.update(key, { state: "stored", seq, error: undefined });
    this.#matched();
  }

  forget(key) {
    if (this.#pending.delete(key)) this.#changed();
  }

  #add(messages, newest, reading = false) {
    this.newest = Math.max(this.newest, newest, messages.at(-1)?.seq ?? 0);
    this.#learn(messages);
    if (this.following || reading) {
      for (const message of messages) {
        if (message.seq === this.last + 1) this.#entries.push(this.#settled(message));
      }
    }
    this.#matched(messages);
  }

  /** Remembers what these say of other entries, and applies it to those that are held. */
  #learn(messages) {
    for (const message of messages) {
      if (message.kind === "answer" && message.of) remember(this.#answers, message);
      if (message.kind !== "edit" && message.kind !== "removal") continue;
      if ((this.#changes.get(message.of)?.seq ?? 0) > message.seq) continue;
      remember(this.#changes, message);
      const held = this.find(message.of);
      if (held) this.#entries[message.of - this.first] = this.#settled(held);
    }
  }

  /** The message with its newest change, which it may have had already when it was read. */
  #settled(message) {
    const change = this.#changes.get(message.seq);
    if (!change || change.at < (message.edited_at ?? 0)) return message;
    if (message.removed_at) return change.kind === "removal" ? { ...message, removed_by: change.author } : message;
    if (change.kind === "removal") {
      return { ...message, text: "", data: {}, files: undefined, removed_at: change.at, removed_by: change.author };
    }
    const { mentions, values, ...data } = message.data ?? {};
    return { ...message, text: change.text, data: { ...data, ...change.data }, edited_at: change.at };
  }

  /** Pending entries whose message is there are done. */
  #matched(messages = this.#entries) {
    for (const { key, author } of messages) if (key && author === this.#author) this.#pending.delete(key);
    for (const { key, seq } of this.#pending.values()) {
      if (seq && (seq <= this.last || !this.following)) this.#pending.delete(key);
    }
    this.#changed();
  }
}

function remember(map, message) {
  map.set(message.of, message);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value);
}
