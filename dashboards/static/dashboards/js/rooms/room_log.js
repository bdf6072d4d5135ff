// A room's log: keeps its timeline up to date from the stream, loads the parts that are missing, and sends what the
// person does. No DOM in here.

import { Emitter } from "../live/emitter.js";
import { disconnected } from "../live/request_error.js";
import { isFromOthers, isOwn } from "./log_rows.js";
import { PostQueue } from "./post_queue.js";
import { Presence } from "./presence.js";
import { ReadReporter } from "./read_reporter.js";
import { Timeline, WINDOW } from "./timeline.js";

/** @import { HubConnection } from "../live/hub_connection.js" */
/** @import { Entry, MessagePush, RoomSnapshot } from "../live/protocol.d.ts" */
/** @import { RequestError } from "../live/request_error.js" */
/** @import { Draft } from "./draft.js" */
/** @import { Post } from "./post_queue.js" */
/** @import { RoomApi } from "./room_api.js" */

/** @typedef {{read: number, unread: number}} ReadState  `unread` messages after the seq `read` */
/**
 * @typedef {object} RoomLogEvents
 * @property {void} changed  the timeline has changed
 * @property {void} posting  the person posts a message
 * @property {ReadState} opened  the log is loaded where the person stopped reading or was sent to
 * @property {ReadState} caughtUp  the log is up to date again after a break
 * @property {number | null} moved  another part of the log is held, to be read from this seq; null for the newest
 * @property {Entry} received  somebody else has just posted this
 * @property {string[]} presence  who is in the room
 * @property {string[]} typing  who is typing
 * @property {{post: Post, error: RequestError}} refused  the hub refuses a message of the person
 * @property {RequestError} closed  the person may no longer read the room
 */

const TRY_AGAIN_MS = 3_000;
/** Typing is reported this often. */
const TYPING_MS = 3_000;

/** @extends {Emitter<RoomLogEvents>} */
export class RoomLog extends Emitter {
  #connection;
  #api;
  #room;
  #openAt;
  /** @type {(() => void)[]} */
  #ends = [];
  #presence = new Presence({
    presence: (names) => this.emit("presence", names),
    typing: (names) => this.emit("typing", names),
  });
  #reportedTypingAt = -Infinity;
  #isFilling = false;
  /** @type {Promise<void> | null} */
  #loading = null;
  #isOpen = false;
  #reader = new ReadReporter((seq) => this.#connection.request("read", { room: this.#room, seq }));
  /** @type {any} */
  #retryTimer;

  /** Whether the reader is at the newest entry. */
  atEnd = true;

  /**
   * @param {object} options
   * @param {number} options.room
   * @param {string} options.username
   * @param {HubConnection} options.connection
   * @param {RoomApi} options.api
   * @param {Draft} options.draft
   * @param {number | null} [options.openAt]  seq of the message to open at
   */
  constructor({ room, username, connection, api, draft, openAt = null }) {
    super();
    this.#openAt = openAt;
    this.#connection = connection;
    this.#api = api;
    this.#room = room;
    this.username = username;
    this.timeline = new Timeline(username, () => this.emit("changed", undefined));
    this.queue = new PostQueue({
      timeline: this.timeline,
      draft,
      send: (post) => this.#send(post),
      refused: (post, error) => this.emit("refused", { post, error }),
    });
  }

  start() {
    /** @template {{room: number}} Push @param {(push: Push) => void} listener */
    const inRoom = (listener) => (/** @type {Push} */ push) => {
      if (push.room === this.#room) listener(push);
    };
    this.#ends = [
      this.#connection.on(
        "message",
        inRoom((push) => this.#receive(push)),
      ),
      this.#connection.on(
        "presence",
        inRoom((push) => this.#presence.update(push)),
      ),
      this.#connection.on(
        "typing",
        inRoom(({ user }) => this.#presence.startTyping(user)),
      ),
      this.#connection.on("state", ({ state }) => state === "open" && this.queue.flush()),
      this.#connection.subscribe(`room:${this.#room}`, {
        snapshot: (result) => this.#handleSnapshot(result),
        refused: (error) => this.emit("closed", error),
        // After all that was received, though it may not be held: changes of what is held are in later entries.
        fields: () => (this.timeline.newest && this.#isOpen ? { after_seq: this.timeline.newest } : {}),
      }),
    ];
    this.queue.flush();
  }

  end() {
    for (const end of this.#ends) end();
    this.#ends = [];
    clearTimeout(this.#retryTimer);
    this.#presence.close();
    this.#reader.close();
    this.queue.close();
  }

  /** Posts a message or a command. @param {string} text */
  post(text) {
    this.#reportedTypingAt = -Infinity;
    this.emit("posting", undefined);
    this.#follow();
    return this.queue.post(text);
  }

  /** @param {File} file @param {string} text */
  postFile(file, text) {
    this.emit("posting", undefined);
    this.#follow();
    return this.queue.postFile(file, text);
  }

  /** @param {number} seq @param {string} text */
  edit(seq, text) {
    return this.#connection.request("edit", { room: this.#room, seq, text });
  }

  /** @param {number} seq */
  remove(seq) {
    return this.#connection.request("remove", { room: this.#room, seq });
  }

  /** Reports that the person is typing, but not for every key. */
  reportTyping() {
    if (this.#connection.state !== "open" || performance.now() - this.#reportedTypingAt < TYPING_MS) return;
    this.#reportedTypingAt = performance.now();
    this.#connection.request("typing", { room: this.#room }).catch(() => {});
  }

  /** The person has seen the log up to `seq`. @param {number} seq */
  markRead(seq) {
    this.#reader.report(seq);
  }

  /** Loads entries before those that are held. Resolves once they are there, or there are none. */
  loadOlder() {
    if (this.timeline.complete || !this.#isOpen) return Promise.resolve();
    return this.#loadOnce(async () => this.timeline.prepend((await this.#api.before(this.timeline.first)).items));
  }

  /** Loads entries after those that are held, if the reader is in the past. */
  loadNewer() {
    if (this.timeline.following || !this.#isOpen) return Promise.resolve();
    return this.#loadOnce(async () => {
      const { items, seq } = await this.#api.after(this.timeline.last);
      this.timeline.append(items, seq);
    });
  }

  async toNewest() {
    if (!this.timeline.following) {
      const { items, seq } = await this.#api.before(this.timeline.newest + 1);
      this.timeline.open(items, seq);
    }
    this.emit("moved", null);
    this.#fill();
  }

  /** @param {number} seq */
  async show(seq) {
    if (!this.timeline.find(seq)) await this.#openAround(seq);
    this.emit("moved", seq);
  }

  /**
   * A person who posts wants to see it. If the hub is unavailable they stay where they are, with their message below.
   */
  #follow() {
    if (!this.timeline.following) this.toNewest().catch(() => {});
  }

  /** @param {number} seq */
  async #openAround(seq) {
    const { items, seq: newest } = await this.#api.around(seq);
    this.timeline.open(items, newest);
    this.#fill();
  }

  /** @param {Post} post @returns {Promise<number>} */
  async #send({ key, text, file }) {
    if (!file) return (await this.#connection.request("message", { room: this.#room, text, key })).seq;
    // HTTP works without the connection, but only the connection knows whether the same person is still signed in.
    if (this.#connection.state !== "open") throw disconnected();
    const progress = (/** @type {number} */ share) => this.timeline.updatePending(key, { progress: share });
    return this.#api.upload(file, { text, key, progress });
  }

  /** @param {RoomSnapshot} snapshot */
  #handleSnapshot(snapshot) {
    this.#presence.set(snapshot.presence);
    if (this.#isOpen) this.#resume(snapshot);
    else this.#open(snapshot);
  }

  /**
   * Opens where the reader is to begin. That may be before the newest messages, and then has to be loaded first.
   *
   * @param {RoomSnapshot} snapshot
   */
  async #open({ messages, seq, read = 0, unread = 0 }) {
    const from = this.#openAt ?? (unread ? read + 1 : Infinity);
    let found = { items: messages, seq };
    if (messages.length && from < messages[0].seq) {
      found = await this.#api.around(from).catch(() => found);
      if (this.#isOpen || !this.#ends.length) return; // meanwhile opened by another snapshot, or ended
    }
    this.#isOpen = true;
    this.#reader.learn(read);
    this.timeline.open(found.items, found.seq);
    this.emit("opened", { read: this.#reader.seq, unread });
    if (this.#openAt) this.emit("moved", this.#openAt);
    this.#fill();
  }

  /** @param {RoomSnapshot} snapshot */
  #resume({ messages, seq, read = 0, unread = 0 }) {
    const unreported = this.#readSince(read);
    this.#reader.learn(read);
    const known = this.timeline.newest;
    this.timeline.resume(messages, seq);
    // Among many missed entries there may be edits of those that are held.
    const hasAll = !messages.length ? seq === known : messages[0].seq <= known + 1 && messages.at(-1)?.seq === seq;
    if (!hasAll && !this.timeline.following)
      this.#openAround((this.timeline.first + this.timeline.last) >> 1).catch(() => {});
    this.emit("caughtUp", { read: this.#reader.seq, unread: Math.max(0, unread - unreported) });
    this.#fill();
  }

  /**
   * How many messages the person has read here that the hub, which knows of `read`, still counts.
   *
   * @param {number} read
   */
  #readSince(read) {
    const isRead = (/** @type {Entry} */ entry) =>
      entry.seq > read && entry.seq <= this.#reader.seq && isFromOthers(entry, this.username);
    return this.timeline.entries.filter(isRead).length;
  }

  /** @param {MessagePush} push */
  #receive({ type, room, ...entry }) {
    this.timeline.receive(entry);
    if (this.atEnd) this.timeline.trimStart();
    this.#fill();
    this.#presence.stopTyping(entry.author);
    if (!isOwn(entry, this.username)) this.emit("received", entry);
  }

  /** Loads what is missing before the newest entry. */
  async #fill() {
    if (this.#isFilling || !this.#isOpen) return;
    this.#isFilling = true;
    clearTimeout(this.#retryTimer);
    try {
      while (this.timeline.behind) await this.#fillOnce();
    } catch {
      if (this.#ends.length) this.#retryTimer = setTimeout(() => this.#fill(), TRY_AGAIN_MS);
    } finally {
      this.#isFilling = false;
    }
  }

  async #fillOnce() {
    const { timeline } = this;
    if (timeline.newest - timeline.last > WINDOW) {
      timeline.detach(); // the reader stays where they are, or goes to the newest
      if (this.atEnd) await this.toNewest();
      return;
    }
    const { items, seq } = await this.#api.after(timeline.last);
    if (!items.length) throw new Error("the log has a gap"); // loaded again a little later
    timeline.resume(items, seq);
  }

  /** One request at a time: scrolling asks again and again. @param {() => Promise<void>} load */
  #loadOnce(load) {
    this.#loading ??= load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }
}
