import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { HubConnection } from "../../../dashboards/static/dashboards/js/live/hub_connection.js";
import { Draft } from "../../../dashboards/static/dashboards/js/rooms/draft.js";
import { RoomLog } from "../../../dashboards/static/dashboards/js/rooms/room_log.js";
import { FakeSocket } from "../live/fake_socket.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const chat = (seq, more = {}) => ({
  seq,
  at: seq,
  kind: "chat",
  origin: "person",
  author: "bob",
  text: `text ${seq}`,
  ...more,
});
const run = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => chat(from + i));

/** The hub's log, as HTTP reads it. */
class Api {
  log = [];
  asked = [];
  unavailable = false;

  #answer(name, seq, items) {
    this.asked.push(`${name} ${seq}`);
    if (this.unavailable) return Promise.reject(Object.assign(new Error("unavailable"), { code: "unavailable" }));
    return Promise.resolve({ seq: this.log.length, items });
  }

  before = (seq) => this.#answer("before", seq, this.log.slice(Math.max(0, seq - 51), seq - 1));
  after = (seq) => this.#answer("after", seq, this.log.slice(seq, seq + 200));
  around = (seq) => this.#answer("around", seq, this.log.slice(Math.max(0, seq - 26), seq + 24));
}

const memory = () => {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, text) => items.set(name, text),
    removeItem: (name) => items.delete(name),
  };
};

const EVENTS = ["opened", "caughtUp", "moved", "received", "presence", "typing", "refused", "closed"];
let connection, api, log, received, storage;

function start(more = {}) {
  received = [];
  log = new RoomLog({
    room: 3,
    username: "alice",
    connection,
    api,
    draft: new Draft("alice", 3, storage),
    openAt: null,
    ...more,
  });
  for (const name of EVENTS) log.on(name, (detail) => received.push([name, detail]));
  log.start();
}

const snapshot = (messages, seq, more = {}) => {
  const asked = FakeSocket.newest.sent.findLast(({ stream }) => stream === "room:3");
  FakeSocket.newest.reply(
    { messages, seq, presence: ["alice"], read: seq, unread: 0, mentions: 0, ...more },
    { to: asked.id },
  );
};
const push = (message) => FakeSocket.newest.push({ type: "message", room: 3, ...message });
const sent = (type) => FakeSocket.newest.sent.filter((frame) => frame.type === type);
const shown = () => log.timeline.entries.map(({ seq }) => seq);
const upTo = (last) => run(1, last).map(({ seq }) => seq);

async function reconnect() {
  FakeSocket.newest.hangUp(1006);
  mock.timers.tick(1_000);
  FakeSocket.newest.accept();
  await turn();
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  FakeSocket.reset();
  storage = memory();
  api = new Api();
  connection = new HubConnection("ws://hub/ws/", { WebSocket: FakeSocket, random: () => 0.5 });
  connection.start();
  FakeSocket.newest.accept();
  start();
});

afterEach(() => {
  log.end();
  connection.stop();
  mock.timers.reset();
});

describe("a room's log", () => {
  it("shows the snapshot and the pushes of this room", () => {
    snapshot(run(1, 3), 3);
    push(chat(4));
    FakeSocket.newest.push({ type: "message", ...chat(5), room: 8 });
    assert.deepEqual(shown(), upTo(4));
  });

  it("loads missing entries, and neither loses nor doubles any", async () => {
    snapshot(run(1, 3), 3);
    api.log = run(1, 6);
    push(chat(6));
    await turn();
    push(chat(7));
    assert.deepEqual(api.asked, ["after 3"]);
    assert.deepEqual(shown(), upTo(7));
  });

  it("resumes after a reconnect from the last known message", async () => {
    snapshot(run(1, 3), 3);
    await reconnect();
    assert.equal(sent("subscribe")[0].after_seq, 3);
    snapshot(run(4, 6), 6);
    assert.deepEqual(shown(), upTo(6));
    assert.deepEqual(api.asked, []);
  });

  it("keeps loading if it missed more than one snapshot holds", async () => {
    snapshot(run(1, 3), 3);
    api.log = run(1, 450);
    await reconnect();
    snapshot(run(4, 203), 450);
    for (let i = 0; i < 6; i++) await turn();
    assert.deepEqual(shown(), upTo(450));
    assert.deepEqual(api.asked, ["after 203", "after 403"]);
  });

  it("resumes after a resync too", () => {
    snapshot(run(1, 3), 3);
    FakeSocket.newest.push({ type: "resync", streams: ["room:3"], reason: "missed" });
    assert.equal(sent("subscribe").at(-1).after_seq, 3);
    snapshot(run(4, 4), 4);
    assert.deepEqual(shown(), upTo(4));
  });

  it("starts anew if it missed more than it would hold", async () => {
    snapshot(run(1, 3), 3);
    api.log = run(1, 5_000);
    await reconnect();
    snapshot(run(4, 203), 5_000);
    for (let i = 0; i < 6; i++) await turn();
    assert.deepEqual([log.timeline.first, log.timeline.last], [4_951, 5_000]);
    assert.deepEqual(received.at(-1), ["moved", null]);
  });

  it("tries again if the hub is unavailable", async () => {
    snapshot(run(1, 3), 3);
    api.unavailable = true;
    push(chat(6));
    await turn();
    assert.deepEqual(shown(), upTo(3));
    [api.unavailable, api.log] = [false, run(1, 6)];
    mock.timers.tick(3_000);
    await turn();
    assert.deepEqual(shown(), upTo(6));
  });

  it("opens at a message, and follows again once the reader reaches the newest", async () => {
    log.end();
    api.log = run(1, 130);
    start({ openAt: 60 });
    snapshot(run(81, 130), 130);
    await turn();
    assert.deepEqual(received.at(-1), ["moved", 60]);
    assert.deepEqual([log.timeline.first, log.timeline.last, log.timeline.following], [35, 84, false]);
    await log.loadOlder();
    assert.equal(log.timeline.first, 1);
    await log.loadNewer();
    assert.deepEqual([log.timeline.last, log.timeline.following], [130, true]);
  });

  describe("opens where the reader has stopped", () => {
    const opened = () => received.filter(([name]) => name === "opened").map(([, detail]) => detail);

    it("even if that is before the newest messages", async () => {
      api.log = run(1, 130);
      snapshot(run(81, 130), 130, { read: 20, unread: 110 });
      assert.deepEqual([opened(), shown()], [[], []]); // not at the end, which would count as read
      await turn();
      assert.deepEqual(api.asked, ["around 21"]);
      assert.deepEqual(opened(), [{ read: 20, unread: 110 }]);
      assert.deepEqual([log.timeline.first, log.timeline.last, log.timeline.following], [1, 45, false]);
    });

    it("at once if that is among the newest messages", () => {
      snapshot(run(81, 130), 130, { read: 80, unread: 50 });
      assert.deepEqual([opened(), shown().length], [[{ read: 80, unread: 50 }], 50]);
    });

    it("at the newest message if the hub is unavailable, and adds what is pushed meanwhile", async () => {
      api.unavailable = true;
      snapshot(run(81, 130), 130, { read: 20, unread: 110 });
      push(chat(131));
      api.log = run(1, 131);
      await turn();
      assert.deepEqual([log.timeline.first, log.timeline.newest], [81, 131]);
      api.unavailable = false;
      await log.loadNewer();
      assert.deepEqual([log.timeline.last, log.timeline.following], [131, true]);
    });
  });

  it("reports what was missed, without what was read here but not yet reported", async () => {
    snapshot(run(1, 9), 9, { read: 2, unread: 7 });
    log.markRead(6);
    await reconnect();
    snapshot(run(10, 12), 12, { read: 2, unread: 10 });
    assert.deepEqual(
      received.find(([name]) => name === "caughtUp"),
      ["caughtUp", { read: 6, unread: 6 }],
    );
  });

  it("reports messages of others, including a webhook with the reader's name", () => {
    snapshot([], 0);
    push(chat(1, { author: "alice" }));
    push(chat(2, { author: "alice", origin: "bot" }));
    assert.deepEqual(
      received.filter(([name]) => name === "received").map(([, { seq }]) => seq),
      [2],
    );
  });

  it("loads one part at a time", async () => {
    api.log = run(1, 130);
    snapshot(run(81, 130), 130);
    await Promise.all([log.loadOlder(), log.loadOlder()]);
    assert.deepEqual(api.asked, ["before 81"]);
  });

  it("reloads an old part if changes of it may have been missed", async () => {
    api.log = run(1, 500);
    snapshot(run(451, 500), 500);
    await log.show(100);
    await reconnect();
    api.asked = [];
    snapshot(run(501, 700), 900);
    await turn();
    assert.deepEqual(api.asked, ["around 99"]);
  });

  it("reports who is present and who is typing", () => {
    snapshot([], 0);
    FakeSocket.newest.push({ type: "presence", room: 3, joined: ["bob"], left: [] });
    assert.deepEqual(received.at(-1), ["presence", ["alice", "bob"]]);
    FakeSocket.newest.push({ type: "typing", room: 3, user: "bob" });
    assert.deepEqual(received.at(-1), ["typing", ["bob"]]);
    push(chat(1));
    assert.deepEqual(
      received.find(([name, names]) => name === "typing" && !names.length),
      ["typing", []],
    );
    FakeSocket.newest.push({ type: "typing", room: 3, user: "bob" });
    mock.timers.tick(5_000);
    assert.deepEqual(received.at(-1), ["typing", []]);
    FakeSocket.newest.push({ type: "presence", room: 3, joined: [], left: ["bob"] });
    assert.deepEqual(received.at(-1), ["presence", ["alice"]]);
  });

  it("reports what was read at most once a second and never backwards", async () => {
    snapshot(run(1, 9), 9, { read: 2 });
    log.markRead(5);
    log.markRead(7);
    log.markRead(6);
    mock.timers.tick(1_000);
    log.markRead(7);
    mock.timers.tick(1_000);
    assert.deepEqual(
      sent("read").map(({ seq }) => seq),
      [7],
    );
  });

  it("closes when the person loses access to the room", () => {
    FakeSocket.newest.refuse("not_found");
    assert.equal(received.at(-1)[0], "closed");
  });
});

describe("a message of the person", () => {
  beforeEach(() => snapshot(run(1, 3), 3));

  const reply = (frame, seq) => FakeSocket.newest.reply({ seq }, { to: frame.id });

  it("is sent with a key, and appears once", async () => {
    log.post("hi");
    const [frame] = sent("message");
    assert.deepEqual([frame.room, frame.text], [3, "hi"]);
    push(chat(4, { author: "alice", text: "hi", key: frame.key }));
    reply(frame, 4);
    await turn();
    assert.deepEqual(shown(), upTo(4));
    assert.deepEqual(log.timeline.pending, []);
  });

  it("waits for a connection, and is sent in order under the same key", async () => {
    log.post("one");
    const key = sent("message")[0].key;
    FakeSocket.newest.hangUp(1006);
    log.post("two");
    await turn();
    assert.deepEqual(
      log.timeline.pending.map(({ state, text }) => `${state} ${text}`),
      ["waiting one", "waiting two"],
    );
    mock.timers.tick(1_000);
    FakeSocket.newest.accept();
    snapshot([], 3);
    await turn();
    assert.deepEqual(
      sent("message").map(({ text }) => text),
      ["one"],
    );
    assert.equal(sent("message")[0].key, key);
    reply(sent("message")[0], 4);
    await turn();
    assert.deepEqual(
      sent("message").map(({ text }) => text),
      ["one", "two"],
    );
  });

  it("is sent again after a reload, under the same key", async () => {
    log.post("one");
    const key = sent("message")[0].key;
    log.end();
    start();
    assert.equal(sent("message").length, 2);
    assert.equal(sent("message")[1].key, key);
    reply(sent("message")[1], 4);
    await turn();
    assert.deepEqual(new Draft("alice", 3, storage).unsent, []);
  });

  it("is sent again if the hub is busy or doesn't answer", async () => {
    log.post("one");
    mock.timers.tick(15_000);
    await turn();
    mock.timers.tick(3_000);
    assert.equal(sent("message").length, 2);
    assert.equal(sent("message")[0].key, sent("message")[1].key);
  });

  it("is reported when it is refused, can be retried, and doesn't hold up the next", async () => {
    log.post("/set speed 9000");
    log.post("fine");
    FakeSocket.newest.refuse("forbidden", { to: sent("message")[0].id });
    await turn();
    const [name, { post, error }] = received.at(-1);
    assert.deepEqual([name, post.text, error.code], ["refused", "/set speed 9000", "forbidden"]);
    assert.equal(log.timeline.pending[0].state, "failed");
    assert.equal(sent("message")[1].text, "fine");
    reply(sent("message")[1], 4);
    await turn();
    log.queue.retry(post.key);
    assert.equal(sent("message")[2].key, post.key);
    FakeSocket.newest.refuse("forbidden", { to: sent("message")[2].id });
    await turn();
    log.queue.discard(post.key);
    assert.deepEqual(new Draft("alice", 3, storage).unsent, []);
    push(chat(4, { author: "alice", key: sent("message")[1].key }));
    assert.deepEqual(log.timeline.pending, []);
  });

  it("can be discarded while it waits, and the messages behind it are sent", async () => {
    log.post("one");
    log.post("two");
    mock.timers.tick(15_000);
    await turn();
    const [first, second] = log.timeline.pending;
    assert.deepEqual([first.state, second.state], ["waiting", "waiting"]);
    log.queue.discard(first.key);
    assert.equal(sent("message").at(-1).key, second.key);
    assert.deepEqual(
      new Draft("alice", 3, storage).unsent.map(({ key }) => key),
      [second.key],
    );
  });

  describe("that is a command", () => {
    const failed = () => log.timeline.pending.map(({ state, text }) => [state, text]);

    it("is not sent if it has waited long for a connection", async () => {
      FakeSocket.newest.hangUp(1006);
      log.post("/set speed 99");
      log.post("hello");
      await turn();
      mock.timers.tick(61_000);
      FakeSocket.newest.accept();
      await turn();
      assert.deepEqual(
        sent("message").map(({ text }) => text),
        ["hello"],
      );
      assert.deepEqual(failed()[0], ["failed", "/set speed 99"]);
      assert.equal(received.findLast(([name]) => name === "refused")[1].error.code, "overdue");
      log.queue.retry(log.timeline.pending[0].key);
      reply(sent("message")[0], 4);
      await turn();
      assert.deepEqual(
        sent("message").map(({ text }) => text),
        ["hello", "/set speed 99"],
      );
    });

    it("is not sent when the page is opened much later", async () => {
      log.post("/set speed 99");
      FakeSocket.newest.refuse("forbidden", { to: sent("message")[0].id });
      await turn();
      log.end();
      mock.timers.tick(61_000);
      start();
      await turn();
      assert.equal(sent("message").length, 1);
      assert.deepEqual(failed(), [["failed", "/set speed 99"]]);
    });

    it("is sent after a short interruption", async () => {
      FakeSocket.newest.hangUp(1006);
      log.post("/set speed 40");
      await turn();
      mock.timers.tick(1_000);
      FakeSocket.newest.accept();
      await turn();
      assert.deepEqual(
        sent("message").map(({ text }) => text),
        ["/set speed 40"],
      );
    });
  });
});
