// The rows of a room's log as they appear on the screen. Pure.

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { Pending, Timeline } from "./timeline.js" */

/**
 * `joined` means that a row belongs to the one above: another message of its author, or the answer right below its
 * command. A command without an `answer` is `open` while one may still come.
 *
 * @typedef {{id: string, type: "day", at: number}} DayRow
 * @typedef {{id: string, type: "new"}} NewRow
 * @typedef {{id: string, type: "message", entry: Entry, joined: boolean}} MessageRow
 * @typedef {{id: string, type: "command", entry: Entry, answer: Entry | null, open: boolean}} CommandRow
 * @typedef {{id: string, type: "answer", entry: Entry, joined: boolean}} AnswerRow
 * @typedef {{id: string, type: "event", entry: Entry}} EventRow
 * @typedef {{id: string, type: "pending", pending: Pending, joined: boolean}} PendingRow
 * @typedef {MessageRow | CommandRow | AnswerRow | EventRow} EntryRow
 * @typedef {DayRow | NewRow | EntryRow | PendingRow} Row
 */

/** Messages of one author within this time share a heading. */
const TOGETHER_MS = 5 * 60_000;
/** Kinds of entries that have no row, as they only change others. */
const HIDDEN_KINDS = new Set(["edit", "removal"]);
/** Kinds of entries whose row is a line, not a message with a heading. */
const LINE_KINDS = new Set(["command", "answer", "availability", "joined"]);
/** How long after its time a command still waits for its answer: by then the hub has given it up, or is gone. */
const PATIENCE_MS = 30_000;
/** The time of a command whose entry does not give it. */
const USUAL_TIME_MS = 30_000;
/** How often to look whether a command has waited for too long. */
export const AGEING_MS = 15_000;

/**
 * @param {Timeline} timeline
 * @param {object} options
 * @param {number | null} [options.unreadAfter]  seq of the last message before those that are new to the reader
 * @param {string} options.username  of the reader
 * @param {number} options.now
 */
export function rowsOf(timeline, { unreadAfter = null, username, now }) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Entry | null} */
  let above = null;
  let isMarked = unreadAfter === null;
  for (const entry of timeline.entries) {
    if (HIDDEN_KINDS.has(entry.kind)) continue;
    if (!above || dayOf(entry.at) !== dayOf(above.at)) {
      rows.push({ id: `day-${dayOf(entry.at)}-${entry.seq}`, type: "day", at: entry.at });
      above = null;
    }
    if (!isMarked && entry.seq > Number(unreadAfter) && isFromOthers(entry, username)) {
      rows.push({ id: "new", type: "new" });
      isMarked = true;
      above = null;
    }
    rows.push(rowOf(timeline, entry, above, now));
    above = entry;
  }
  for (const pending of timeline.pending) {
    const own = { kind: "chat", author: username, origin: "person", at: now };
    const joined = rows.at(-1)?.type === "pending" || continues(own, above);
    rows.push({ id: `key-${pending.key}`, type: "pending", pending, joined });
  }
  return rows;
}

/**
 * Whether the person wrote the entry. A webhook may have the same name.
 *
 * @param {Pick<Entry, "author" | "origin">} entry
 * @param {string} username
 */
export function isOwn({ author, origin }, username) {
  return author === username && origin === "person";
}

/**
 * Whether the entry is a message of somebody else.
 *
 * @param {Entry} entry
 * @param {string} username
 */
export function isFromOthers(entry, username) {
  return entry.kind === "chat" && !isOwn(entry, username);
}

/**
 * Whether the person may edit the entry.
 *
 * @param {Entry} entry
 * @param {string} username
 */
export function isEditable(entry, username) {
  return entry.kind === "chat" && !entry.removed_at && isOwn(entry, username);
}

/**
 * @param {Timeline} timeline
 * @param {Entry} entry
 * @param {Entry | null} above
 * @param {number} now
 * @returns {EntryRow}
 */
function rowOf(timeline, entry, above, now) {
  const id = `seq-${entry.seq}`;
  if (entry.kind === "command") {
    const answer = timeline.answerTo(entry.seq) ?? null;
    const end = entry.data?.expires_at ?? entry.at + USUAL_TIME_MS;
    const open = !answer && timeline.following && now - end < PATIENCE_MS;
    return { id, type: "command", entry, answer, open };
  }
  if (entry.kind === "answer") return { id, type: "answer", entry, joined: above?.seq === entry.of };
  if (entry.kind === "availability" || entry.kind === "joined") return { id, type: "event", entry };
  return { id, type: "message", entry, joined: continues(entry, above) };
}

/** @param {Pick<Entry, "author" | "origin" | "at">} entry @param {Entry | null} above */
function continues(entry, above) {
  return (
    above !== null &&
    !LINE_KINDS.has(above.kind) &&
    above.author === entry.author &&
    above.origin === entry.origin &&
    entry.at - above.at < TOGETHER_MS
  );
}

/** @param {number} ms */
function dayOf(ms) {
  const date = new Date(ms);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}
