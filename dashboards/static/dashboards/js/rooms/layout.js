// The rows of a room's log as they stand on the screen. Pure.

/** Messages of one author within this time stand under one head. */
const TOGETHER_MS = 5 * 60_000;
/** Kinds of entries that are no rows of their own: they change others. */
const UNSEEN = new Set(["edit", "removal"]);
/** So long a command may wait for its answer before its row says so: by then the hub has given it up, or is gone. */
export const PATIENCE_MS = 60_000;

/**
 * `[{id, type, …}]`, where type is `day` (`at`), `new`, `message`, `command`, `answer` or `event` (each with its
 * `entry`), or `pending` (with `pending`). `joined` says that a row belongs to the one above: another message of its
 * author, or the answer right below its command. A command has its `answer`; where none is known of, `open` says
 * whether one may still come.
 *
 * `unreadAfter`: seq of the last message before those that are new to the reader, or null. `username`: the reader.
 */
export function rows(timeline, { unreadAfter = null, username, now }) {
  const made = [];
  let above = null;
  let marked = unreadAfter === null;
  for (const entry of timeline.entries) {
    if (UNSEEN.has(entry.kind)) continue;
    if (dayOf(entry.at) !== dayOf(above?.at ?? NaN)) {
      made.push({ id: `day-${dayOf(entry.at)}-${entry.seq}`, type: "day", at: entry.at });
      above = null;
    }
    if (!marked && entry.seq > unreadAfter && counts(entry, username)) {
      made.push({ id: "new", type: "new" });
      marked = true;
      above = null;
    }
    made.push(rowOf(timeline, entry, above, now));
    above = entry;
  }
  for (const pending of timeline.pending) made.push(pendingRow(pending, username, above, now, made));
  return made;
}

/** Whether the person has said it: a webhook may be called like them. */
export function isOwn({ author, origin }, username) {
  return author === username && origin === "person";
}

/** Whether somebody else has said something. */
export function counts(entry, username) {
  return entry.kind === "chat" && !isOwn(entry, username);
}

function rowOf(timeline, entry, above, now) {
  const id = `seq-${entry.seq}`;
  if (entry.kind === "command") {
    const answer = timeline.answerTo(entry.seq) ?? null;
    return { id, type: "command", entry, answer, open: !answer && timeline.following && now - entry.at < PATIENCE_MS };
  }
  if (entry.kind === "answer") return { id, type: "answer", entry, joined: above?.seq === entry.of };
  if (entry.kind === "availability" || entry.kind === "joined") return { id, type: "event", entry };
  return { id, type: "message", entry, joined: continues(entry, above) };
}

function pendingRow(pending, username, above, now, made) {
  const own = { kind: "chat", author: username, origin: "person", at: now };
  const joined = made.at(-1)?.type === "pending" || continues(own, above);
  return { id: `key-${pending.key}`, type: "pending", pending, joined };
}

function continues(entry, above) {
  return Boolean(
    above &&
      !["command", "answer", "availability", "joined"].includes(above.kind) &&
      above.author === entry.author &&
      above.origin === entry.origin &&
      entry.at - above.at < TOGETHER_MS,
  );
}

function dayOf(ms) {
  const date = new Date(ms);
  return Number.isNaN(ms) ? "" : `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}
