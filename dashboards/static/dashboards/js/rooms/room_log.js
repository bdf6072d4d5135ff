// Keeps a room's timeline up to date: the stream, the histories that fill its holes, and what the person does. No DOM in
// here.

import { RequestError } from "../live/connection.js";
import { counts, isOwn } from "./layout.js";
import { Outbox } from "./outbox.js";
import { Timeline, WINDOW } from "./timeline.js";

const TRY_AGAIN_MS = 3_000;
/** A typist says so this often; the others stop believing it a little later. */
const TYPING_MS = 3_000;
const TYPED_MS = 5_000;
const READ_MS = 1_000;

/**
 * `tell(name, detail)` is called for what is worth showing:
 * - `changed`: the timeline is another;
 * - `opened` `{read, unread}`: the log is there, from where the person has stopped reading or was sent to;
 * - `missed` `{read, unread}`: it is up to date again after a break; so much is unread, after the seq `read`;
 * - `moved` seq: another part of the log is shown, to be read from this message; null for the newest;
 * - `arrived` message: somebody has said something just now;
 * - `here`, `typing` names: who is in the room, who writes;
 * - `refused` `{pending, error}`: the hub won't take what was said;
 * - `gone` error: the room may not be read any more.
 */
export class RoomLog {
  #connection;
  #api;
  #room;
  #username;
  #tell;
  #openAt;
  #ends = [];
  #here = new Set();
  #typists = new Map(); // name -> timer
  #typedAt = -Infinity;
  #filling = false;
  #loading = null;
  #opened = false;
  #read = 0;
  #readTimer = null;
  #retryTimer;

  /** Whether the reader is at the newest entry. */
  atEnd = true;

  constructor({ room, username, connection, api, draft, openAt, tell }) {
    this.#openAt = openAt;
    this.#connection = connection;
    this.#api = api;
    this.#room = room;
    this.#username = username;
    this.#tell = tell;
    this.timeline = new Timeline(username, () => tell("changed"));
    this.outbox = new Outbox({
      timeline: this.timeline,
      draft,
      post: (pending) => this.#post(pending),
      refused: (pending, error) => tell("refused", { pending, error }),
    });
  }

  start() {
    const own = (listener) => (push) => push.room === this.#room && listener(push);
    this.#ends = [
      this.#connection.on(
        "message",
        own((push) => this.#take(push)),
      ),
      this.#connection.on(
        "presence",
        own((push) => this.#come(push)),
      ),
      this.#connection.on(
        "typing",
        own(({ user }) => this.#types(user)),
      ),
      this.#connection.on("state", ({ state }) => state === "open" && this.outbox.flush()),
      this.#connection.subscribe(`room:${this.#room}`, {
        snapshot: (result) => this.#snapshot(result),
        refused: (error) => this.#tell("gone", error),
        // All that was heard of, though it may not be shown: changes of what is shown are told by later entries.
        fields: () => (this.timeline.newest && this.#opened ? { after_seq: this.timeline.newest } : {}),
      }),
    ];
    this.outbox.flush();
  }

  end() {
    for (const end of this.#ends) end();
    this.#ends = [];
    for (const timer of [...this.#typists.values(), this.#readTimer, this.#retryTimer]) clearTimeout(timer);
    this.outbox.close();
  }

  say(text) {
    this.#typedAt = -Infinity;
    this.#follow();
    return this.outbox.say(text);
  }

  sayFile(file, text) {
    this.#follow();
    return this.outbox.sayFile(file, text);
  }

  edit(seq, text) {
    return this.#connection.request("edit", { room: this.#room, seq, text });
  }

  remove(seq) {
    return this.#connection.request("remove", { room: this.#room, seq });
  }

  /** Tells the others that the person writes, not at every key. */
  typing() {
    if (this.#connection.state !== "open" || performance.now() - this.#typedAt < TYPING_MS) return;
    this.#typedAt = performance.now();
    this.#connection.request("typing", { room: this.#room }).catch(() => {});
  }

  /** The person has seen the log up to `seq`. */
  read(seq) {
    if (seq <= this.#read) return;
    this.#read = seq;
    this.#readTimer ??= setTimeout(() => this.#sendRead(), READ_MS);
  }

  /** Entries before those that are held. Resolves once they are there, or nothing came. */
  older() {
    if (this.timeline.complete || !this.#opened) return Promise.resolve();
    return this.#once(async () => this.timeline.prepend((await this.#api.before(this.timeline.first)).items));
  }

  /** Entries after those that are held, where the reader is in the past. */
  newer() {
    if (this.timeline.following || !this.#opened) return Promise.resolve();
    return this.#once(async () => {
      const { items, seq } = await this.#api.after(this.timeline.last);
      this.timeline.append(items, seq);
    });
  }

  async toNewest() {
    if (!this.timeline.following) {
      const { items, seq } = await this.#api.before(this.timeline.newest + 1);
      this.timeline.open(items, seq);
    }
    this.#tell("moved", null);
    this.#fill();
  }

  /** Who says something wants to see it. Where the hub is away they stay where they are, with what they said below. */
  #follow() {
    if (!this.timeline.following) this.toNewest().catch(() => {});
  }

  async show(seq) {
    if (!this.timeline.find(seq)) await this.#openAround(seq);
    this.#tell("moved", seq);
  }

  async #openAround(seq) {
    const { items, seq: newest } = await this.#api.around(seq);
    this.timeline.open(items, newest);
    this.#fill();
  }

  #post({ key, text, file }) {
    // Over HTTP a file would go too: as whoever is signed in by now, which only the connection tells.
    if (file && this.#connection.state !== "open")
      return Promise.reject(new RequestError("disconnected", "There is no connection to the hub.", true));
    if (!file) return this.#connection.request("message", { room: this.#room, text, key }).then(({ seq }) => seq);
    const progress = (share) => this.timeline.update(key, { progress: share });
    return this.#api.upload(file, { text, key, progress });
  }

  #snapshot(result) {
    this.#here = new Set(result.presence);
    this.#tell("here", [...this.#here]);
    if (this.#opened) this.#resume(result);
    else this.#open(result);
  }

  /** Opens where the reader is to begin, which may lie before the newest messages: then these are asked for first. */
  async #open({ messages, seq, read = 0, unread = 0 }) {
    const from = this.#openAt ?? (unread ? read + 1 : Infinity);
    let found = { items: messages, seq };
    if (messages.length && from < messages[0].seq) {
      found = await this.#api.around(from).catch(() => found);
      if (this.#opened || !this.#ends.length) return; // meanwhile opened by another snapshot, or over
    }
    this.#opened = true;
    this.#read = Math.max(this.#read, read);
    this.timeline.open(found.items, found.seq);
    this.#tell("opened", { read: this.#read, unread });
    if (this.#openAt) this.#tell("moved", this.#openAt);
    this.#fill();
  }

  #resume({ messages, seq, read = 0, unread = 0 }) {
    const unheard = this.#readSince(read);
    this.#read = Math.max(this.#read, read);
    const known = this.timeline.newest;
    this.timeline.resume(messages, seq);
    // Of so much that was missed, edits of what is shown may be a part.
    const all = !messages.length ? seq === known : messages[0].seq <= known + 1 && messages.at(-1).seq === seq;
    if (!all && !this.timeline.following)
      this.#openAround((this.timeline.first + this.timeline.last) >> 1).catch(() => {});
    this.#tell("missed", { read: this.#read, unread: Math.max(0, unread - unheard) });
    this.#fill();
  }

  /** How many messages the person has read here of which the hub, that knows of `read`, has not heard. */
  #readSince(read) {
    const isRead = (entry) => entry.seq > read && entry.seq <= this.#read && counts(entry, this.#username);
    return this.timeline.entries.filter(isRead).length;
  }

  #take({ type, room, ...message }) {
    this.timeline.take(message);
    if (this.atEnd) this.timeline.trimStart();
    this.#fill();
    this.#quiet(message.author);
    if (!isOwn(message, this.#username)) this.#tell("arrived", message);
  }

  /** Asks for what is missing before the newest entry, until nothing is. */
  async #fill() {
    if (this.#filling || !this.#opened) return;
    this.#filling = true;
    clearTimeout(this.#retryTimer);
    try {
      while (this.timeline.behind) await this.#fillOnce();
    } catch {
      if (this.#ends.length) this.#retryTimer = setTimeout(() => this.#fill(), TRY_AGAIN_MS);
    } finally {
      this.#filling = false;
    }
  }

  async #fillOnce() {
    const { timeline } = this;
    if (timeline.newest - timeline.last > WINDOW) {
      timeline.detach(); // the reader is left where they are, or taken to the newest
      if (this.atEnd) await this.toNewest();
      return;
    }
    const { items, seq } = await this.#api.after(timeline.last);
    if (!items.length) throw new Error("the log has a hole"); // asked for again a little later
    timeline.resume(items, seq);
  }

  #come({ joined, left }) {
    for (const name of joined) this.#here.add(name);
    for (const name of left) this.#here.delete(name);
    for (const name of left) this.#quiet(name);
    this.#tell("here", [...this.#here]);
  }

  #types(name) {
    clearTimeout(this.#typists.get(name));
    this.#typists.set(
      name,
      setTimeout(() => this.#quiet(name), TYPED_MS),
    );
    this.#tell("typing", [...this.#typists.keys()]);
  }

  #quiet(name) {
    if (!this.#typists.has(name)) return;
    clearTimeout(this.#typists.get(name));
    this.#typists.delete(name);
    this.#tell("typing", [...this.#typists.keys()]);
  }

  async #sendRead() {
    const seq = this.#read;
    this.#readTimer = null;
    try {
      await this.#connection.request("read", { room: this.#room, seq });
    } catch (error) {
      if (error.retry && this.#ends.length) this.#readTimer ??= setTimeout(() => this.#sendRead(), TRY_AGAIN_MS);
    }
  }

  /** One history at a time: a reader who scrolls asks again and again. */
  #once(load) {
    this.#loading ??= load().finally(() => (this.#loading = null));
    return this.#loading;
  }
}
