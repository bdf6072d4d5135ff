// A room on a page: its log, who is there, and the box to write in.

import { now } from "../live/clock.js";
import { setText } from "../shell/dom.js";
import { whileInSight } from "../shell/frame.js";
import { announcement } from "./announcement.js";
import { Completer } from "./completer.js";
import { Composer } from "./composer.js";
import { Draft } from "./draft.js";
import { Entries } from "./entries.js";
import { counts, isOwn } from "./layout.js";
import { LogView } from "./log_view.js";
import { MessageTools } from "./message_tools.js";
import { People } from "./people.js";
import { RoomApi } from "./room_api.js";
import { RoomLog } from "./room_log.js";
import { toggleTrace } from "./trace.js";
import { Unread } from "./unread.js";

/** Codes that say no more than that the room may not be read. */
const GONE = new Set(["unsubscribed", "not_found"]);
const PARTS = ["log", "entries", "edge", "empty", "newest", "newest-text", "announcer", "hint"];

export class RoomView {
  #parts;
  #log;
  #view;
  #composer;
  #people;
  #tools;
  #api;
  #unread = new Unread();
  #opened = false;
  #inSight = false;

  /**
   * `element`: the `[data-room]` of parts/room.html; the page also holds parts/room_templates.html,
   * parts/chart_templates.html, and the style sheets room.css, charts.css and uPlot's.
   *
   * - `room`: `{id, device, space}`, as the HTTP API describes it: `device` is a uid or null, `space` a slug or null;
   *   further fields do no harm.
   * - `person`: `{username, manages}`; `manages`: they may remove other people's messages and read what these said.
   * - `connection`, `feed`: those of live.js.
   * - `openAt`: seq of the message to open at and to light up; null opens where the person has stopped reading.
   * - `closed`: why nobody can write here, as a sentence; "" where they can. `close(reason)` changes it later.
   * - `link(seq)`: the address of a message; by default on the room's own page.
   *
   * A view keeps itself up to date over every reconnect, for as long as the page is there.
   */
  constructor(element, { room, person, connection, feed, openAt = null, closed = "", link }) {
    Object.assign(this, { element, person, link: link ?? ((seq) => `/rooms/${room.id}/?seq=${seq}`) });
    this.#parts = Object.fromEntries(PARTS.map((name) => [name, element.querySelector(`[data-${name}]`)]));
    this.#api = new RoomApi(room.id);
    const draft = new Draft(person.username, room.id);
    const tell = (name, detail) => this.#heard[name](detail);
    this.#log = new RoomLog({
      room: room.id,
      username: person.username,
      connection,
      api: this.#api,
      draft,
      openAt,
      tell,
    });
    this.#view = this.#makeView(feed);
    this.#composer = new Composer(element, {
      draft,
      completer: new Completer(this.#api, room),
      tell: (name, detail) => this.#wanted[name](detail),
    });
    this.#people = new People(element);
    this.#tools = this.#makeTools();
    this.#listen();
    setText(
      element.querySelector("[data-empty-hint]"),
      room.device
        ? "Talk to the others here, or to the device: /help"
        : "Whoever opens this room reads what is said here.",
    );
    this.close(closed);
    this.#log.start();
  }

  /** Ends writing with a reason, or opens it again with "". */
  close(reason) {
    this.#composer.close(reason);
    this.#parts.hint.hidden = Boolean(reason);
  }

  /** Puts the cursor into the box to write in. */
  focus() {
    this.#composer.focus();
  }

  /** Shows the message `seq` and lights it up. */
  async show(seq) {
    try {
      await this.#log.show(seq);
    } catch (error) {
      this.#composer.complain(error.message);
    }
  }

  /** What the log tells. */
  #heard = {
    changed: () => this.#changed(),
    opened: ({ read, unread }) => this.#open(read, unread),
    missed: ({ read, unread }) => this.#miss(read, unread),
    moved: (seq) => (seq ? this.#view.toMessage(seq) : this.#view.toEnd()),
    arrived: (message) => this.#arrive(message),
    here: (names) => this.#people.here(names),
    typing: (names) => this.#people.typing(names),
    refused: ({ pending, error }) => this.#refused(pending, error),
    gone: (error) => this.close(GONE.has(error.code) ? "This room is out of your sight." : error.message),
  };

  /** What the box to write in wants. */
  #wanted = {
    say: (text) => this.#say(() => this.#log.say(text)),
    file: ({ file, text }) => this.#say(() => this.#log.sayFile(file, text)),
    save: ({ seq, text }) => this.#save(seq, text),
    typing: () => this.#log.typing(),
    last: () => this.#editLast(),
  };

  /** What is done in a row of the log. */
  #acts = {
    retry: ({ pending }) => this.#retry(pending),
    discard: ({ pending }) => this.#discard(pending),
    revise: ({ entry }, element) => toggleTrace(element, () => this.#api.revisions(entry.seq)),
    answer: ({ answer }) => answer && this.show(answer.seq),
    command: ({ entry }) => this.show(entry.of),
    link: ({ entry }) => this.#copyLink(entry.seq),
    edit: ({ entry }) => this.#composer.edit(entry),
    remove: ({ entry }) => this.#remove(entry.seq),
  };

  #makeView(feed) {
    const { username, manages } = this.person;
    const context = { username, manages, feed, now, link: this.link, fileUrl: (file) => this.#api.fileUrl(file) };
    const entries = new Entries(context, (name, row, element) => this.#acts[name](row, element));
    return new LogView(this.#parts.log, this.#parts.entries, {
      timeline: this.#log.timeline,
      entries,
      options: () => ({ unreadAfter: this.#unread.after, username, now: now() }),
      tell: (name) => this.#scrolled(name),
    });
  }

  #makeTools() {
    return new MessageTools(this.#parts.log, {
      rowOf: (element) => this.#view.rowOf(element),
      actions: (row) => this.#actionsOf(row),
      act: (name, row) => this.#acts[name](row),
      announce: (text) => this.#announce(text),
    });
  }

  #actionsOf({ entry }) {
    if (!entry) return [];
    const chat = entry.kind === "chat" && !entry.removed_at && !this.#composer.isClosed;
    const own = chat && isOwn(entry, this.person.username);
    return ["link", ...(own ? ["edit"] : []), ...(own || (chat && this.person.manages) ? ["remove"] : [])];
  }

  #listen() {
    this.#parts.newest.addEventListener("click", () => this.#toNewest());
    document.addEventListener("visibilitychange", () => this.#scrolled("moved"));
    addEventListener("focus", () => this.#scrolled("moved"));
    whileInSight(this.#parts.log, (inSight) => {
      this.#inSight = inSight;
      this.#scrolled("moved");
    });
    this.#parts.log.addEventListener("click", (event) => {
      const seq = event.target.closest("a.entry-time") && this.#view.rowOf(event.target)?.entry.seq;
      if (!seq || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      history.replaceState(null, "", this.link(seq));
      this.show(seq);
    });
  }

  #changed() {
    if (!this.#view) return; // what waits to be sent is there before the view is
    this.#view.redraw();
    const { timeline } = this.#log;
    this.#parts.empty.hidden = !this.#opened || timeline.entries.length > 0 || timeline.pending.length > 0;
    setText(
      this.#parts.edge,
      !timeline.entries.length ? "" : timeline.complete ? "The beginning of this room" : "Loading…",
    );
  }

  #open(read, unread) {
    this.#opened = true;
    this.#unread.told(read, unread);
    this.#changed();
    if (unread) this.#view.toUnread();
  }

  #miss(read, unread) {
    this.#unread.told(read, unread);
    this.#changed();
    this.#showNewest();
    if (unread) this.#announce(`${unread} new`);
  }

  #say(send) {
    this.#unread.unmark();
    this.#view.toEnd();
    send();
  }

  /** Says a message that the hub refused again in the box, where it can be mended: unless something is there by now. */
  #refused({ key, text, file }, { message, retry }) {
    this.#composer.complain(`Not sent: ${message}`);
    if (retry || file || !this.#composer.isEmpty) return;
    this.#log.outbox.discard(key);
    this.#composer.text = text;
  }

  #retry({ key }) {
    this.#composer.focus(); // the button goes away
    this.#log.outbox.retry(key);
  }

  /** The text is given back, where the box is free for it. */
  #discard({ key, text }) {
    this.#log.outbox.discard(key);
    if (this.#composer.isEmpty) this.#composer.text = text;
    this.#composer.focus();
  }

  async #save(seq, text) {
    try {
      await this.#log.edit(seq, text);
    } catch (error) {
      this.#composer.complain(`Not changed: ${error.message}`, { seq, text });
    }
  }

  async #remove(seq) {
    try {
      await this.#log.remove(seq);
    } catch (error) {
      this.#composer.complain(`Not deleted: ${error.message}`);
    }
  }

  #editLast() {
    const own = this.#log.timeline.entries.findLast((entry) => this.#actionsOf({ entry }).includes("edit"));
    if (own) this.#composer.edit(own);
  }

  async #copyLink(seq) {
    const address = new URL(this.link(seq), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      this.#announce("The link is copied");
      this.#view.elementOf(seq)?.querySelector("[data-act=link]")?.setAttribute("data-copied", "");
      setTimeout(() => this.element.querySelector("[data-copied]")?.removeAttribute("data-copied"), 1_500);
    } catch {
      // Browsers give the clipboard to secure pages alone: the address bar is the next best place.
      history.replaceState(null, "", address);
    }
  }

  async #toNewest() {
    try {
      await this.#log.toNewest();
    } catch (error) {
      this.#composer.complain(error.message);
    }
  }

  #arrive(message) {
    this.#announce(announcement(message, this.#log.timeline, this.person.username));
    if (!counts(message, this.person.username)) return;
    const seen = this.#isSeen();
    this.#unread.take(message.seq, seen);
    if (!seen) this.#showNewest();
  }

  #isSeen() {
    return this.#opened && this.#view.atEnd && this.#inSight && !document.hidden && document.hasFocus();
  }

  #scrolled(name) {
    if (name === "older" || name === "newer") {
      this.#log[name]().catch(() => {}); // asked for again at the next scroll
      return;
    }
    this.#log.atEnd = this.#view.atEnd;
    if (this.#isSeen()) this.#see();
    this.#showNewest();
  }

  #see() {
    const { timeline } = this.#log;
    if (!timeline.behind && this.#unread.see()) this.#log.read(timeline.last);
  }

  #showNewest() {
    const { newest, "newest-text": text } = this.#parts;
    newest.hidden = this.#view.atEnd || !this.#opened;
    newest.classList.toggle("has-new", this.#unread.count > 0);
    setText(text, this.#unread.count ? `${this.#unread.count} new` : "Newest");
  }

  /** Nothing for "". Said once more, it is another text: the same one would not be read. */
  #announce(text) {
    const { announcer } = this.#parts;
    if (text) setText(announcer, announcer.textContent === text ? `${text}\u00a0` : text);
  }
}
