// What somebody has not read yet: the snapshot of the stream `inbox`, and what each push makes of it. Pure.
//
// Pushes come over several ways through the hub, so one may be told twice, late, or before what it follows.

/** Unread messages of a room that are remembered one by one; of more, the oldest are forgotten. */
const REMEMBERED = 500;

const LOST = { told: 0, read: 0, heard: [] };

/**
 * The state that a snapshot stands for: it, and what is known of each room's entries. `told`: up to this seq they
 * are in the sums; `read`: up to this one they are read; `heard`: `[seq, mention]` of unread ones that were pushed.
 */
export function begin(snapshot) {
  const known = {};
  for (const { id, seq, read } of [...snapshot.conversations, ...snapshot.rooms])
    known[id] = { told: seq, read, heard: [] };
  return { ...snapshot, known };
}

export const EMPTY = begin({ direct: 0, mentions: 0, unread: 0, conversations: [], rooms: [] });

/** The state after a push; the same one where it told nothing new. `me` is the reader's own username. */
export function take(state, push, me) {
  if (push.type === "activity") return activity(state, push);
  if (push.type === "direct") return direct(state, push, me);
  if (push.type === "read") return read(state, push);
  if (push.type === "message") return change(state, push);
  return state;
}

/** How much there is to read in the room. */
export function countsOf(state, id) {
  const room = find(state.conversations, id) ?? find(state.rooms, id);
  return { unread: room?.unread ?? 0, mentions: room?.mentions ?? 0 };
}

function activity(state, { room: id, seq, at, mention }) {
  const known = state.known[id] ?? LOST;
  if (isTold(known, seq)) return state;
  const room = find(state.rooms, id) ?? { id, seq: 0, read: known.read, unread: 0, mentions: 0, active_at: 0 };
  const named = mention ? 1 : 0;
  const grown = {
    ...room,
    seq: Math.max(room.seq, seq),
    unread: room.unread + 1,
    mentions: room.mentions + named,
    active_at: Math.max(room.active_at, at),
  };
  return {
    ...state,
    unread: state.unread + 1,
    mentions: state.mentions + named,
    rooms: newestFirst(grown, state.rooms),
    known: { ...state.known, [id]: hear(known, seq, Boolean(mention)) },
  };
}

function direct(state, { from, to, room: id, seq, at, text }, me) {
  const known = state.known[id] ?? LOST;
  if (isTold(known, seq)) return state;
  const other = from === me ? to : from;
  const before = find(state.conversations, id) ?? {
    id,
    name: other,
    with: other,
    seq: 0,
    read: 0,
    unread: 0,
    mentions: 0,
    active_at: 0,
    last: null,
  };
  const isLast = seq > (before.last?.seq ?? 0);
  const grown = {
    ...before,
    seq: Math.max(before.seq, seq),
    unread: before.unread + 1,
    active_at: Math.max(before.active_at, at),
    last: isLast ? { seq, at, kind: "chat", origin: "person", author: from, text } : before.last,
  };
  const after = {
    ...state,
    direct: state.direct + 1,
    conversations: newestFirst(grown, state.conversations),
    known: { ...state.known, [id]: hear(known, seq, false) },
  };
  // Who answers has read what was said before.
  return from === me ? read(after, { room: id, seq, unread: 0, mentions: 0 }) : after;
}

/** `newest`: the room's seq as of the hub's count, where it is told. */
function read(state, { room: id, seq, unread, mentions, newest }) {
  const known = state.known[id] ?? LOST;
  if (seq < known.read) return state;
  const heard = known.heard.filter(([one]) => one > seq);
  const left = leftOf({ unread, mentions, newest }, heard);
  const after = {
    ...state,
    known: { ...state.known, [id]: { told: Math.max(known.told, newest ?? seq), read: seq, heard } },
  };
  const conversation = find(state.conversations, id);
  if (conversation) {
    after.direct = state.direct - conversation.unread + left.unread;
    after.conversations = state.conversations.map((one) =>
      one === conversation ? { ...one, ...left, read: seq } : one,
    );
    return after;
  }
  const room = find(state.rooms, id);
  if (!room) return after;
  after.unread = state.unread - room.unread + left.unread;
  after.mentions = state.mentions - room.mentions + left.mentions;
  const isRead = !left.unread && !left.mentions;
  after.rooms = isRead
    ? state.rooms.filter((one) => one !== room)
    : state.rooms.map((one) => (one === room ? { ...one, ...left, read: seq } : one));
  return after;
}

/** The hub may have counted before it stored what this page has heard of already. */
function leftOf({ unread, mentions, newest }, heard) {
  const named = (entries) => entries.filter(([, mention]) => mention).length;
  if (newest === undefined)
    return { unread: Math.max(unread, heard.length), mentions: Math.max(mentions, named(heard)) };
  const uncounted = heard.filter(([seq]) => seq > newest);
  return { unread: unread + uncounted.length, mentions: mentions + named(uncounted) };
}

/** An edit or a removal of a conversation's last message; heard of where the page shows the conversation. */
function change(state, { room: id, kind, of, at, text }) {
  const conversation = find(state.conversations, id);
  const last = conversation?.last;
  if ((kind !== "edit" && kind !== "removal") || !last || (last.seq !== of && last.of !== of)) return state;
  const changed =
    kind === "edit" ? { ...last, text, edited_at: at } : { ...last, text: "", files: undefined, removed_at: at };
  return {
    ...state,
    conversations: state.conversations.map((one) => (one === conversation ? { ...one, last: changed } : one)),
  };
}

const isTold = ({ told, heard }, seq) => seq <= told || heard.some(([one]) => one === seq);

const hear = (known, seq, mention) => ({ ...known, heard: [...known.heard, [seq, mention]].slice(-REMEMBERED) });

const find = (rooms, id) => rooms.find((room) => room.id === id);

function newestFirst(room, rooms) {
  return [room, ...rooms.filter((one) => one.id !== room.id)].sort((a, b) => b.active_at - a.active_at);
}
