// What a person has not read yet: the snapshot of the stream `inbox`, and how each push changes it. Pure.
//
// Pushes take several paths through the hub, so one may arrive twice, late, or before the one that it follows.

/** @import { ActivityPush, DirectPush, Entry, MessagePush, ReadPush } from "../live/protocol.d.ts" */

/**
 * A room with unread messages.
 *
 * @typedef {object} UnreadRoom
 * @property {number} id
 * @property {number} seq  the newest
 * @property {number} read  up to this seq the person has read
 * @property {number} unread
 * @property {number} mentions
 * @property {number} active_at
 */
/** @typedef {UnreadRoom & {name: string, with: string, last: Entry | null}} Conversation */
/**
 * @typedef {object} Snapshot
 * @property {number} direct  unread private messages
 * @property {number} mentions
 * @property {number} unread
 * @property {Conversation[]} conversations
 * @property {UnreadRoom[]} rooms
 */
/**
 * What is known about the entries of a room.
 *
 * @typedef {object} Known
 * @property {number} counted  the sums include entries up to this seq
 * @property {number} read  entries up to this seq are read
 * @property {[seq: number, mention: boolean][]} pushed  unread entries that were pushed
 */
/** @typedef {Snapshot & {known: Record<number, Known>}} InboxState */
/** @typedef {{unread: number, mentions: number}} Counts */

/** How many unread messages of a room are remembered one by one; the oldest of more are forgotten. */
const REMEMBERED = 500;

/** @type {Known} */
const UNKNOWN = { counted: 0, read: 0, pushed: [] };

/**
 * The state that a snapshot stands for.
 *
 * @param {Snapshot} snapshot
 * @returns {InboxState}
 */
export function stateOf(snapshot) {
  /** @type {Record<number, Known>} */
  const known = {};
  for (const { id, seq, read } of [...snapshot.conversations, ...snapshot.rooms])
    known[id] = { counted: seq, read, pushed: [] };
  return { ...snapshot, known };
}

export const EMPTY = stateOf({ direct: 0, mentions: 0, unread: 0, conversations: [], rooms: [] });

/**
 * The state after a push; the same object if the push brings nothing new.
 *
 * @param {InboxState} state
 * @param {any} push
 * @param {string} me  the reader's own username
 * @returns {InboxState}
 */
export function applyPush(state, push, me) {
  if (push.type === "activity") return applyActivity(state, push);
  if (push.type === "direct") return applyDirect(state, push, me);
  if (push.type === "read") return applyRead(state, push);
  if (push.type === "message") return applyChange(state, push);
  return state;
}

/**
 * The unread messages and mentions of a room.
 *
 * @param {InboxState} state
 * @param {number} id
 * @returns {Counts}
 */
export function countsOf(state, id) {
  const room = find(state.conversations, id) ?? find(state.rooms, id);
  return { unread: room?.unread ?? 0, mentions: room?.mentions ?? 0 };
}

/** @param {InboxState} state @param {ActivityPush} push */
function applyActivity(state, { room: id, seq, at, mention }) {
  const known = state.known[id] ?? UNKNOWN;
  if (isKnown(known, seq)) return state;
  const room = find(state.rooms, id) ?? { id, seq: 0, read: known.read, unread: 0, mentions: 0, active_at: 0 };
  const added = mention ? 1 : 0;
  const changed = {
    ...room,
    seq: Math.max(room.seq, seq),
    unread: room.unread + 1,
    mentions: room.mentions + added,
    active_at: Math.max(room.active_at, at),
  };
  return {
    ...state,
    unread: state.unread + 1,
    mentions: state.mentions + added,
    rooms: newestFirst(changed, state.rooms),
    known: { ...state.known, [id]: withPushed(known, seq, Boolean(mention)) },
  };
}

/** @param {InboxState} state @param {DirectPush} push @param {string} me */
function applyDirect(state, { from, to, room: id, seq, at, text }, me) {
  const known = state.known[id] ?? UNKNOWN;
  if (isKnown(known, seq)) return state;
  const before = find(state.conversations, id) ?? newConversation(id, from === me ? to : from);
  const isLast = seq > (before.last?.seq ?? 0);
  const changed = {
    ...before,
    seq: Math.max(before.seq, seq),
    unread: before.unread + 1,
    active_at: Math.max(before.active_at, at),
    last: isLast ? { seq, at, kind: "chat", origin: "person", author: from, text } : before.last,
  };
  const after = {
    ...state,
    direct: state.direct + 1,
    conversations: newestFirst(changed, state.conversations),
    known: { ...state.known, [id]: withPushed(known, seq, false) },
  };
  // A person who answers has read the messages before.
  return from === me ? applyRead(after, { type: "read", room: id, seq, unread: 0, mentions: 0 }) : after;
}

/** @param {number} id @param {string} other @returns {Conversation} */
function newConversation(id, other) {
  return { id, name: other, with: other, seq: 0, read: 0, unread: 0, mentions: 0, active_at: 0, last: null };
}

/** @param {InboxState} state @param {ReadPush} push */
function applyRead(state, { room: id, seq, unread, mentions, newest }) {
  const known = state.known[id] ?? UNKNOWN;
  if (seq < known.read) return state;
  const pushed = known.pushed.filter(([one]) => one > seq);
  const left = countsLeft({ unread, mentions, newest }, pushed);
  const counted = Math.max(known.counted, newest ?? seq);
  const after = { ...state, known: { ...state.known, [id]: { counted, read: seq, pushed } } };
  const conversation = find(state.conversations, id);
  if (conversation) {
    after.direct = state.direct - conversation.unread + left.unread;
    after.conversations = replaced(state.conversations, conversation, { ...conversation, ...left, read: seq });
    return after;
  }
  const room = find(state.rooms, id);
  if (!room) return after;
  after.unread = state.unread - room.unread + left.unread;
  after.mentions = state.mentions - room.mentions + left.mentions;
  const isRead = !left.unread && !left.mentions;
  after.rooms = isRead
    ? state.rooms.filter((one) => one !== room)
    : replaced(state.rooms, room, { ...room, ...left, read: seq });
  return after;
}

/**
 * The hub may have counted before it stored entries that were pushed to this page already.
 *
 * @param {Counts & {newest?: number}} counts
 * @param {Known["pushed"]} pushed
 */
function countsLeft({ unread, mentions, newest }, pushed) {
  const mentionsIn = (/** @type {Known["pushed"]} */ entries) => entries.filter(([, mention]) => mention).length;
  if (newest === undefined)
    return { unread: Math.max(unread, pushed.length), mentions: Math.max(mentions, mentionsIn(pushed)) };
  const uncounted = pushed.filter(([seq]) => seq > newest);
  return { unread: unread + uncounted.length, mentions: mentions + mentionsIn(uncounted) };
}

/**
 * An edit or a removal of a conversation's last message, which is pushed to pages that show the conversation.
 *
 * @param {InboxState} state
 * @param {MessagePush} push
 */
function applyChange(state, { room: id, kind, of, at, text }) {
  const conversation = find(state.conversations, id);
  const last = conversation?.last;
  if (!conversation || !last || (kind !== "edit" && kind !== "removal") || (last.seq !== of && last.of !== of))
    return state;
  const changed =
    kind === "edit" ? { ...last, text, edited_at: at } : { ...last, text: "", files: undefined, removed_at: at };
  return { ...state, conversations: replaced(state.conversations, conversation, { ...conversation, last: changed }) };
}

/** @param {Known} known @param {number} seq */
const isKnown = ({ counted, pushed }, seq) => seq <= counted || pushed.some(([one]) => one === seq);

/** @param {Known} known @param {number} seq @param {boolean} mention @returns {Known} */
function withPushed(known, seq, mention) {
  return { ...known, pushed: [...known.pushed, /** @type {[number, boolean]} */ ([seq, mention])].slice(-REMEMBERED) };
}

/** @template {UnreadRoom} Room @param {Room[]} rooms @param {number} id */
const find = (rooms, id) => rooms.find((room) => room.id === id);

/** @template Room @param {Room[]} rooms @param {Room} old @param {Room} changed */
const replaced = (rooms, old, changed) => rooms.map((one) => (one === old ? changed : one));

/** @template {UnreadRoom} Room @param {Room} room @param {Room[]} rooms */
function newestFirst(room, rooms) {
  return [room, ...rooms.filter((one) => one.id !== room.id)].sort((a, b) => b.active_at - a.active_at);
}
