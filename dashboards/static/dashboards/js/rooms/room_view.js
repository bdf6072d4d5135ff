// A room on a page: its log, the people in it, and the composer.

import { now } from "../live/hub_clock.js";
import { find, setText, targetOf } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";
import { whileReadable } from "../shell/visibility.js";
import { announcementOf } from "./announcement.js";
import { CompletionSource } from "./completion_source.js";
import { Composer } from "./composer.js";
import { Draft } from "./draft.js";
import { isFromOthers } from "./log_rows.js";
import { LogView } from "./log_view.js";
import { MessageToolbar } from "./message_toolbar.js";
import { RoomApi } from "./room_api.js";
import { RoomLog } from "./room_log.js";
import { RoomPresence } from "./room_presence.js";
import { RowActions } from "./row_actions.js";
import { RowElements } from "./row_elements.js";
import { UnreadMarker } from "./unread_marker.js";

/** @import { DeviceFeed } from "../live/device_feed.js" */
/** @import { HubConnection } from "../live/hub_connection.js" */
/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { RequestError } from "../live/request_error.js" */
/** @import { Post } from "./post_queue.js" */

/** Error codes that mean only that the person may not read the room. */
const NO_ACCESS = new Set(["unsubscribed", "not_found"]);

/**
 * @typedef {object} RoomOptions
 * @property {{id: number, device?: string | null, space?: string | null}} room  as the HTTP API describes it
 * @property {{username: string, manages: boolean}} person  `manages`: may delete messages of others and see what they said
 * @property {HubConnection} connection
 * @property {DeviceFeed} feed
 * @property {number | null} [openAt]  seq of the message to open at; null opens where the person has stopped reading
 * @property {string} [closed]  why nobody can write here, as a sentence
 * @property {(seq: number) => string} [link]  the address of a message; by default on the room's own page
 */

/** It keeps itself up to date over every reconnect, for as long as the page is there. */
export class RoomView {
  #element;
  #person;
  #link;
  #parts;
  #log;
  #view;
  #composer;
  #presence;
  #actions;
  #unread = new UnreadMarker();
  #isOpen = false;
  #isReadable = false;

  /**
   * @param {HTMLElement} element  the `[data-room]` of parts/room.html; the page also includes parts/room_templates.html,
   *   parts/chart_templates.html, and the style sheets room.css, charts.css and uPlot's
   * @param {RoomOptions} options
   */
  constructor(element, { room, person, connection, feed, openAt = null, closed = "", link }) {
    this.#element = element;
    this.#person = person;
    this.#link = link ?? ((seq) => `/rooms/${room.id}/?seq=${seq}`);
    this.#parts = {
      log: find(element, "log"),
      edge: find(element, "edge"),
      empty: find(element, "empty"),
      newest: find(element, "newest"),
      newestText: find(element, "newest-text"),
      announcer: find(element, "announcer"),
    };
    const { username } = person;
    const api = new RoomApi(room.id);
    const draft = new Draft(username, room.id);
    this.#log = new RoomLog({ room: room.id, username, connection, api, draft, openAt });
    this.#actions = this.#makeActions(api);
    this.#view = this.#makeView(api, feed);
    this.#composer = new Composer(element, { draft, completions: new CompletionSource(api, room), log: this.#log });
    this.#presence = new RoomPresence(element);
    new MessageToolbar(this.#parts.log, {
      entryOf: (target) => this.#view.entryOf(target),
      actions: this.#actions,
      announce: (text) => this.#announce(text),
    });
    this.#listenToLog();
    this.#listenToPage();
    const hint = room.device
      ? "Write to the others here, or to the device: /help"
      : "Everyone who can open this room can read its messages.";
    setText(find(element, "empty-hint"), hint);
    this.close(closed);
    this.#log.start();
  }

  /** Closes the composer with a reason, or opens it again with "". @param {string} reason */
  close(reason) {
    this.#composer.close(reason);
    find(this.#element, "hint").hidden = Boolean(reason);
  }

  /** Puts the caret into the composer. */
  focus() {
    this.#composer.focus();
  }

  /** Shows the message `seq` and highlights it. @param {number} seq */
  show(seq) {
    return this.#actions.show(seq);
  }

  /** @param {RoomApi} api */
  #makeActions(api) {
    return new RowActions({
      log: this.#log,
      api,
      composer: () => this.#composer,
      view: () => this.#view,
      manages: this.#person.manages,
      link: this.#link,
      announce: (text) => this.#announce(text),
    });
  }

  /** @param {RoomApi} api @param {DeviceFeed} feed */
  #makeView(api, feed) {
    const { username, manages } = this.#person;
    const fileUrl = api.fileUrl.bind(api);
    const elements = new RowElements({ username, manages, feed, now, link: this.#link, fileUrl }, this.#actions);
    return new LogView(this.#parts.log, find(this.#element, "entries"), {
      log: this.#log,
      elements,
      rowOptions: () => ({ unreadAfter: this.#unread.after, username, now: now() }),
    });
  }

  #listenToLog() {
    const log = this.#log;
    log.on("changed", () => this.#redraw());
    log.on("posting", () => {
      this.#unread.removeLine();
      this.#view.toEnd();
    });
    log.on("opened", ({ read, unread }) => this.#open(read, unread));
    log.on("caughtUp", ({ read, unread }) => this.#catchUp(read, unread));
    log.on("moved", (seq) => (seq ? this.#view.toMessage(seq) : this.#view.toEnd()));
    log.on("received", (entry) => this.#receive(entry));
    log.on("presence", (names) => this.#presence.showPresent(names));
    log.on("typing", (names) => this.#presence.showTyping(names));
    log.on("refused", ({ post, error }) => this.#handleRefusal(post, error));
    log.on("closed", ({ code, message }) =>
      this.close(NO_ACCESS.has(code) ? "You no longer have access to this room." : message),
    );
  }

  #listenToPage() {
    this.#view.on("scrolled", () => this.#updateRead());
    this.#parts.newest.addEventListener("click", () => this.#toNewest());
    document.addEventListener("visibilitychange", () => this.#updateRead());
    addEventListener("focus", () => this.#updateRead());
    whileReadable(this.#parts.log, (isReadable) => {
      this.#isReadable = isReadable;
      this.#updateRead();
    });
    this.#parts.log.addEventListener("click", (event) => {
      const target = targetOf(event);
      const seq = target.closest("a.entry-time") && this.#view.entryOf(target)?.seq;
      if (!seq || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      history.replaceState(null, "", this.#link(seq));
      this.show(seq);
    });
  }

  #redraw() {
    this.#view.redraw();
    const { entries, pending, complete } = this.#log.timeline;
    this.#parts.empty.hidden = !this.#isOpen || entries.length > 0 || pending.length > 0;
    setText(this.#parts.edge, !entries.length ? "" : complete ? "The beginning of this room" : "Loading…");
  }

  /** @param {number} read @param {number} unread */
  #open(read, unread) {
    this.#isOpen = true;
    this.#unread.set(read, unread);
    this.#redraw();
    if (unread) this.#view.toUnread();
  }

  /** @param {number} read @param {number} unread */
  #catchUp(read, unread) {
    this.#unread.set(read, unread);
    this.#redraw();
    this.#showNewestButton();
    if (unread) this.#announce(`${unread} new`);
  }

  /**
   * Puts a refused message back into the composer, where it can be corrected, unless there is another text by now.
   *
   * @param {Post} post
   * @param {RequestError} error
   */
  #handleRefusal({ key, text, file }, { message, retry }) {
    this.#composer.showProblem(`Not sent: ${message}`);
    if (retry || file || !this.#composer.isEmpty) return;
    this.#log.queue.discard(key);
    this.#composer.text = text;
  }

  async #toNewest() {
    try {
      await this.#log.toNewest();
    } catch (error) {
      this.#composer.showProblem(messageOf(error));
    }
  }

  /** @param {Entry} entry */
  #receive(entry) {
    const { username } = this.#person;
    this.#announce(announcementOf(entry, this.#log.timeline, username));
    if (!isFromOthers(entry, username)) return;
    const isSeen = this.#isSeen();
    this.#unread.add(entry.seq, isSeen);
    if (!isSeen) this.#showNewestButton();
  }

  #isSeen() {
    return this.#isOpen && this.#view.atEnd && this.#isReadable && !document.hidden && document.hasFocus();
  }

  #updateRead() {
    this.#log.atEnd = this.#view.atEnd;
    const { behind, last } = this.#log.timeline;
    if (this.#isSeen() && !behind && this.#unread.see()) this.#log.markRead(last);
    this.#showNewestButton();
  }

  #showNewestButton() {
    const { newest, newestText } = this.#parts;
    const { count } = this.#unread;
    newest.hidden = this.#view.atEnd || !this.#isOpen;
    newest.classList.toggle("has-new", count > 0);
    setText(newestText, count ? `${count} new` : "Newest");
  }

  /**
   * Does nothing for "". A repeated text is changed, since screen readers don't announce the same text again.
   *
   * @param {string} text
   */
  #announce(text) {
    const { announcer } = this.#parts;
    if (text) setText(announcer, announcer.textContent === text ? `${text}\u00a0` : text);
  }
}
