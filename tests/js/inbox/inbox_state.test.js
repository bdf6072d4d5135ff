import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { applyPush, countsOf, EMPTY, stateOf } from "../../../dashboards/static/dashboards/js/inbox/inbox_state.js";

/** The hub's side: rooms as logs, from which the snapshot for `me` is counted anew each time. */
class Hub {
  #rooms = new Map();
  #clock = 1_000;

  constructor(me, rooms) {
    this.me = me;
    for (const { id, other = null } of rooms) this.#rooms.set(id, { id, other, log: [], read: 0 });
  }

  /** Somebody posts a message; returns its push. */
  post(id, by, { mention = false } = {}) {
    const room = this.#rooms.get(id);
    const entry = { seq: room.log.length + 1, at: this.#clock++, by, mention, text: `${by} ${this.#clock}` };
    room.log.push(entry);
    if (by === this.me) room.read = entry.seq;
    const { seq, at, text } = entry;
    if (room.other)
      return { type: "direct", from: by, to: by === this.me ? room.other : this.me, room: id, seq, at, text };
    return by === this.me
      ? this.#readPush(room, seq)
      : { type: "activity", room: id, seq, at, author: by, text, mention };
  }

  /** A read marker never goes back, and there is no push if it stays. */
  read(id, seq) {
    const room = this.#rooms.get(id);
    if (seq <= room.read) return null;
    room.read = seq;
    return this.#readPush(room, seq);
  }

  length(id) {
    return this.#rooms.get(id).log.length;
  }

  snapshot() {
    const all = [...this.#rooms.values()].filter(({ log }) => log.length).map((room) => this.#describe(room));
    all.sort((a, b) => b.active_at - a.active_at);
    const conversations = all.filter((room) => room.with);
    const rooms = all.filter((room) => !room.with && (room.unread || room.mentions));
    const sum = (list, field) => list.reduce((total, room) => total + room[field], 0);
    return {
      direct: sum(conversations, "unread"),
      mentions: sum(rooms, "mentions"),
      unread: sum(rooms, "unread"),
      conversations,
      rooms,
    };
  }

  #readPush(room, seq) {
    const { unread, mentions } = this.#describe(room);
    return { type: "read", room: room.id, seq, unread, mentions, newest: room.log.length };
  }

  #describe({ id, other, log, read }) {
    const left = log.filter((entry) => entry.seq > read && entry.by !== this.me);
    const last = log.at(-1);
    const shown = {
      id,
      seq: log.length,
      read,
      unread: left.length,
      mentions: left.filter((entry) => entry.mention).length,
      active_at: last?.at ?? 0,
    };
    if (!other) return shown;
    const { seq, at, by, text } = last;
    return { ...shown, name: other, with: other, last: { seq, at, kind: "chat", origin: "person", author: by, text } };
  }
}

const ROOMS = [{ id: 1 }, { id: 2 }, { id: 3, other: "bob" }, { id: 4, other: "carol" }];

/** A snapshot does not contain how far a fully read room was read, and nobody needs it. */
function shown({ known, rooms, ...state }) {
  return { ...state, rooms: rooms.map(({ read, ...room }) => room) };
}

/** Pseudo-random numbers that are the same in each run. */
function dice(seed) {
  let state = seed;
  return (sides) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % sides;
  };
}

/** Something happens in the hub; returns its push. */
function happen(hub, roll) {
  const { id, other } = ROOMS[roll(ROOMS.length)];
  const by = roll(4) === 0 ? hub.me : (other ?? "dave");
  const moved = roll(3) === 0 ? hub.read(id, roll(hub.length(id) + 1)) : null;
  return moved ?? hub.post(id, by, { mention: !other && by !== hub.me && roll(3) === 0 });
}

describe("state and pushes equal the snapshot asked for again", () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`whatever happens (${seed})`, () => {
      const [hub, roll] = [new Hub("alice", ROOMS), dice(seed * 7_919)];
      for (let n = 0; n < 10; n++) happen(hub, roll);
      let state = stateOf(hub.snapshot());
      for (let n = 0; n < 60; n++) {
        state = applyPush(state, happen(hub, roll), hub.me);
        assert.deepEqual(shown(state), shown(hub.snapshot()));
      }
    });

    it(`when pushes come twice and late (${seed})`, () => {
      const [hub, roll] = [new Hub("alice", ROOMS), dice(seed * 104_729)];
      let state = stateOf(hub.snapshot());
      const waiting = [];
      for (let n = 0; n < 60; n++) {
        waiting.push(happen(hub, roll));
        if (roll(2)) waiting.push(waiting.at(-1));
        // Pushes to the person and pushes to a room take different ways; each of them keeps its order.
        const kind = waiting[roll(waiting.length)].type;
        const [next] = waiting.splice(
          waiting.findIndex(({ type }) => type === kind),
          1,
        );
        state = applyPush(state, next, hub.me);
      }
      for (const push of waiting) state = applyPush(state, push, hub.me);
      const [{ conversations, rooms, ...sums }, truth] = [shown(state), hub.snapshot()];
      assert.deepEqual(sums, { direct: truth.direct, mentions: truth.mentions, unread: truth.unread });
      const counts = (list) => list.map(({ id, unread, mentions }) => [id, unread, mentions]);
      assert.deepEqual(counts(rooms), counts(truth.rooms));
      assert.deepEqual(counts(conversations), counts(truth.conversations));
    });
  }
});

describe("a push", () => {
  const posted = { type: "activity", room: 7, seq: 5, at: 50, author: "bob", text: "hi", mention: true };
  const whispered = { type: "direct", from: "bob", to: "alice", room: 9, seq: 1, at: 60, text: "psst" };

  it("that the snapshot already includes changes nothing", () => {
    const snapshot = {
      direct: 0,
      mentions: 1,
      unread: 1,
      conversations: [],
      rooms: [{ id: 7, seq: 5, read: 4, unread: 1, mentions: 1, active_at: 50 }],
    };
    const state = stateOf(snapshot);
    assert.equal(applyPush(state, posted, "alice"), state);
  });

  it("of a first private message makes a conversation", () => {
    const state = applyPush(EMPTY, whispered, "alice");
    assert.equal(state.direct, 1);
    assert.equal(state.conversations[0].with, "bob");
    assert.equal(state.conversations[0].last.text, "psst");
  });

  it("of one’s own private message, from another tab, leaves nothing unread", () => {
    const state = applyPush(
      applyPush(EMPTY, whispered, "alice"),
      { ...whispered, from: "alice", to: "bob", seq: 2 },
      "alice",
    );
    assert.equal(state.direct, 0);
    assert.equal(state.conversations[0].with, "bob");
  });

  it("of type read that was counted before a known message leaves that one unread", () => {
    const state = applyPush(
      applyPush(EMPTY, posted, "alice"),
      { type: "read", room: 7, seq: 4, unread: 0, mentions: 0 },
      "alice",
    );
    assert.deepEqual(countsOf(state, 7), { unread: 1, mentions: 1 });
  });

  it("of type read that overtakes a message it has counted counts that once", () => {
    const read = { type: "read", room: 7, seq: 4, unread: 1, mentions: 1, newest: 5 };
    const before = applyPush(EMPTY, { ...posted, seq: 4, mention: false }, "alice");
    for (const order of [
      [read, posted],
      [posted, read],
    ]) {
      const state = order.reduce((known, push) => applyPush(known, push, "alice"), before);
      assert.deepEqual([state.unread, state.mentions, countsOf(state, 7)], [1, 1, { unread: 1, mentions: 1 }]);
    }
  });

  it("of type read keeps uncounted messages, and counted ones that are yet to arrive", () => {
    const later = applyPush(EMPTY, { ...posted, seq: 6, mention: false }, "alice");
    const state = applyPush(later, { type: "read", room: 7, seq: 4, unread: 1, mentions: 1, newest: 5 }, "alice");
    assert.deepEqual(countsOf(applyPush(state, posted, "alice"), 7), { unread: 2, mentions: 1 });
  });

  it("that changes a conversation’s last message changes what the list shows", () => {
    const last = (state) => state.conversations[0].last;
    const change = { type: "message", room: 9, seq: 2, at: 70, kind: "edit", author: "bob", of: 1, text: "hush" };
    const edited = applyPush(applyPush(EMPTY, whispered, "alice"), change, "alice");
    assert.equal(last(edited).text, "hush");
    const removed = applyPush(edited, { ...change, seq: 3, kind: "removal", text: "", at: 80 }, "alice");
    assert.deepEqual([last(removed).text, last(removed).removed_at], ["", 80]);
    for (const other of [{ of: 5 }, { room: 8 }, { kind: "chat", of: undefined }])
      assert.equal(applyPush(edited, { ...change, ...other }, "alice"), edited);
  });

  it("of type read that overtakes the message leaves nothing unread", () => {
    const state = applyPush(
      applyPush(EMPTY, { type: "read", room: 7, seq: 5, unread: 0, mentions: 0 }, "alice"),
      posted,
      "alice",
    );
    assert.deepEqual([state.unread, state.mentions, state.rooms], [0, 0, []]);
  });

  it("of another kind changes nothing", () => {
    assert.equal(applyPush(EMPTY, { type: "telemetry" }, "alice"), EMPTY);
  });

  it("of one of very many unread messages costs no more memory", () => {
    let state = EMPTY;
    for (let seq = 1; seq <= 2_000; seq++) state = applyPush(state, { ...posted, seq }, "alice");
    assert.equal(state.unread, 2_000);
    assert.ok(state.known[7].pushed.length <= 500);
  });
});
