import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { HubConnection } from "../../../dashboards/static/dashboards/js/live/hub_connection.js";
import { FakeSocket } from "./fake_socket.js";

const RANDOM = 0.5;

function connect(random = () => RANDOM) {
  const connection = new HubConnection("ws://hub/ws/", { WebSocket: FakeSocket, random });
  const states = [];
  connection.on("state", ({ state }) => states.push(state));
  connection.start();
  return { connection, states };
}

function open() {
  const made = connect();
  FakeSocket.newest.accept();
  return made;
}

beforeEach(() => {
  FakeSocket.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

afterEach(() => mock.timers.reset());

describe("opening", () => {
  it("is open only after the hub's welcome", () => {
    const { connection, states } = connect();
    FakeSocket.newest.readyState = 1;
    assert.equal(connection.state, "connecting");
    FakeSocket.newest.accept();
    assert.deepEqual(states, ["connecting", "open"]);
  });

  it("is not open if a listener stops it because of who is welcomed", () => {
    const { connection, states } = connect();
    connection.subscribe("inbox", { snapshot: () => {} });
    connection.on("welcome", ({ user }) => user === "alice" && connection.stop());
    const socket = FakeSocket.newest;
    socket.accept();
    assert.deepEqual([states, socket.sent], [["connecting", "stopped"], []]);
  });

  it("opens one socket however often it is started", () => {
    const { connection } = open();
    connection.start();
    assert.equal(FakeSocket.opened.length, 1);
  });
});

describe("requests", () => {
  it("resolve with the result of the reply that has their id", async () => {
    const { connection } = open();
    const first = connection.request("command", { device: "a" });
    const second = connection.request("command", { device: "b" });
    const [one, two] = FakeSocket.newest.sent;
    FakeSocket.newest.reply("for b", { to: two.id });
    FakeSocket.newest.reply("for a", { to: one.id });
    assert.deepEqual(await Promise.all([first, second]), ["for a", "for b"]);
  });

  it("reject with the hub's code and advice", async () => {
    const { connection } = open();
    const asked = connection.request("command", {});
    FakeSocket.newest.refuse("too_many", { retry: true });
    await assert.rejects(asked, { code: "too_many", retry: true });
  });

  it("reject when nobody answers in time", async () => {
    const { connection } = open();
    const asked = connection.request("command", {}, { timeoutMs: 100 });
    mock.timers.tick(101);
    await assert.rejects(asked, { code: "timeout" });
  });

  it("reject at once without a connection, and when it is lost meanwhile", async () => {
    const { connection } = connect();
    await assert.rejects(connection.request("command", {}), { code: "disconnected" });
    FakeSocket.newest.accept();
    const asked = connection.request("command", {});
    FakeSocket.newest.hangUp(1006);
    await assert.rejects(asked, { code: "disconnected" });
  });
});

describe("flow control", () => {
  it("acknowledges a telemetry frame after its listeners", () => {
    const { connection } = open();
    const order = [];
    connection.on("telemetry", () => order.push(FakeSocket.newest.sent.length));
    FakeSocket.newest.push({ type: "telemetry", n: 42, devices: {} });
    assert.deepEqual(order, [0]);
    assert.deepEqual(FakeSocket.newest.sent, [{ type: "ack", n: 42 }]);
  });

  it("answers a ping", () => {
    open();
    FakeSocket.newest.push({ type: "ping" });
    assert.deepEqual(FakeSocket.newest.sent, [{ type: "pong" }]);
  });
});

describe("subscriptions", () => {
  const watch = (connection, stream = "device:pump-1") => {
    const received = [];
    const end = connection.subscribe(stream, {
      snapshot: (snapshot) => received.push(snapshot),
      refused: (error) => received.push(error.code),
    });
    return { received, end };
  };

  it("wait for the connection", () => {
    const { connection } = connect();
    const { received } = watch(connection);
    assert.deepEqual(FakeSocket.newest.sent, []);
    FakeSocket.newest.accept();
    assert.deepEqual(FakeSocket.newest.sent[0].stream, "device:pump-1");
    FakeSocket.newest.reply("now");
    assert.deepEqual(received, ["now"]);
  });

  it("are renewed after a reconnect", () => {
    const { connection } = open();
    const { received } = watch(connection);
    FakeSocket.newest.reply("before");
    FakeSocket.newest.hangUp(1012);
    mock.timers.tick(20_000);
    FakeSocket.newest.accept();
    FakeSocket.newest.reply("after");
    assert.equal(FakeSocket.opened.length, 2);
    assert.deepEqual(received, ["before", "after"]);
  });

  it("are renewed on resync, but only those concerned", () => {
    const { connection } = open();
    const pump = watch(connection);
    FakeSocket.newest.reply("old");
    const tank = watch(connection, "device:tank-1");
    FakeSocket.newest.reply("tank");
    FakeSocket.newest.push({ type: "resync", streams: ["device:pump-1", "device:gone"], reason: "gap" });
    FakeSocket.newest.reply("new");
    assert.deepEqual(pump.received, ["old", "new"]);
    assert.deepEqual(tank.received, ["tank"]);
  });

  it("get a snapshot before the push that follows the reply", () => {
    const { connection } = open();
    const order = [];
    connection.subscribe("device:pump-1", { snapshot: () => order.push("snapshot") });
    connection.on("telemetry", () => order.push("telemetry"));
    FakeSocket.newest.reply({});
    FakeSocket.newest.push({ type: "telemetry", n: 1, devices: {} });
    assert.deepEqual(order, ["snapshot", "telemetry"]);
  });

  it("end for good when the hub refuses them", () => {
    const { connection } = open();
    const { received } = watch(connection);
    FakeSocket.newest.refuse("not_found");
    FakeSocket.newest.hangUp(1006);
    mock.timers.tick(20_000);
    FakeSocket.newest.accept();
    assert.deepEqual(received, ["not_found"]);
    assert.deepEqual(FakeSocket.newest.sent, []);
  });

  it("are tried again after a temporary refusal", () => {
    const { connection } = open();
    const { received } = watch(connection);
    FakeSocket.newest.refuse("unavailable", { retry: true });
    mock.timers.tick(3_000);
    FakeSocket.newest.reply("now");
    assert.deepEqual(received, ["now"]);
  });

  it("end when the hub ends them", () => {
    const { connection } = open();
    const { received } = watch(connection);
    FakeSocket.newest.reply("now");
    FakeSocket.newest.push({ type: "unsubscribed", stream: "device:pump-1", reason: "not_found" });
    assert.deepEqual(received, ["now", "unsubscribed"]);
  });

  it("unsubscribe when they are ended, and receive nothing more", () => {
    const { connection } = open();
    const { received, end } = watch(connection);
    const asked = FakeSocket.newest.sent[0].id;
    end();
    FakeSocket.newest.reply("late", { to: asked });
    assert.equal(FakeSocket.newest.sent[1].type, "unsubscribe");
    assert.deepEqual(received, []);
  });
});

describe("a lost connection", () => {
  it("is restored by itself, with growing pauses", () => {
    connect();
    const pauses = [];
    for (let i = 0; i < 8; i++) {
      FakeSocket.newest.hangUp(1006);
      const from = Date.now();
      const before = FakeSocket.opened.length;
      while (FakeSocket.opened.length === before) mock.timers.tick(25);
      pauses.push(Date.now() - from);
    }
    assert.deepEqual(pauses, [375, 750, 1500, 3000, 6000, 6000, 6000, 6000]);
  });

  it("starts with short pauses again only after it lasted", () => {
    open();
    FakeSocket.newest.hangUp(4408);
    mock.timers.tick(375);
    FakeSocket.newest.accept(); // opened, and closed at once: this must not become a fast loop
    FakeSocket.newest.hangUp(4408);
    mock.timers.tick(375);
    assert.equal(FakeSocket.opened.length, 2);
    mock.timers.tick(375);
    assert.equal(FakeSocket.opened.length, 3);
    FakeSocket.newest.accept();
    mock.timers.tick(11_000);
    FakeSocket.newest.hangUp(1006);
    mock.timers.tick(375);
    assert.equal(FakeSocket.opened.length, 4);
  });

  it("is tried again at once when asked to", () => {
    const { connection } = connect();
    FakeSocket.newest.hangUp(1006);
    connection.retryNow();
    assert.equal(FakeSocket.opened.length, 2);
    mock.timers.tick(20_000);
    assert.equal(FakeSocket.opened.length, 2);
  });

  it("is noticed by its silence", () => {
    const { connection } = open();
    mock.timers.tick(40_000);
    FakeSocket.newest.push({ type: "ping" });
    mock.timers.tick(40_000);
    assert.equal(connection.state, "open");
    mock.timers.tick(6_000);
    assert.equal(connection.state, "waiting");
  });

  it("receives nothing more from the abandoned socket", () => {
    const { connection } = open();
    const old = FakeSocket.newest;
    const received = [];
    connection.on("telemetry", (frame) => received.push(frame.n));
    mock.timers.tick(46_000); // silence
    old.push({ type: "telemetry", n: 1, devices: {} });
    assert.deepEqual(received, []);
  });
});

describe("close codes", () => {
  const again = (code, ms) => {
    open();
    FakeSocket.newest.hangUp(code);
    mock.timers.tick(ms);
    return FakeSocket.opened.length > 1;
  };

  it("4401 sends the person to sign in, and does not come back", () => {
    const { connection } = open();
    const seen = [];
    connection.on("state", (state) => seen.push(state));
    FakeSocket.newest.hangUp(4401);
    mock.timers.tick(600_000);
    assert.deepEqual(seen, [{ state: "stopped", signIn: true }]);
    assert.equal(FakeSocket.opened.length, 1);
  });

  for (const code of [1006, 1012, 4408]) it(`${code} comes back soon`, () => assert.ok(again(code, 500)));

  for (const [code, opened] of [
    [1006, 2],
    [4429, 1],
  ]) {
    it(`a page that wakes up after ${code} comes back ${opened === 2 ? "at once" : "no sooner"}`, () => {
      const { connection } = open();
      FakeSocket.newest.hangUp(code);
      connection.wake();
      assert.equal(FakeSocket.opened.length, opened);
      connection.retryNow();
      assert.equal(FakeSocket.opened.length, 2);
    });
  }

  for (const code of [1009, 1011, 4400, 4429]) {
    it(`${code} waits for long before it comes back`, () => {
      assert.ok(!again(code, 14_000));
      mock.timers.tick(2_000);
      assert.equal(FakeSocket.opened.length, 2);
    });
  }
});
