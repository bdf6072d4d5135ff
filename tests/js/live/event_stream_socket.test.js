import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { EventStreamParser } from "../../../dashboards/static/dashboards/js/live/event_stream_parser.js";
import { EventStreamSocket } from "../../../dashboards/static/dashboards/js/live/event_stream_socket.js";
import { HubConnection } from "../../../dashboards/static/dashboards/js/live/hub_connection.js";
import { FakeSocket } from "./fake_socket.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A hub whose HTTP answers the test chooses. */
class FakeHub {
  requests = [];

  fetch = (url, options = {}) => {
    const request = { url, options };
    this.requests.push(request);
    return new Promise((resolve, reject) => {
      options.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      request.accept = () => {
        const body = new ReadableStream({ start: (controller) => (request.stream = controller) });
        resolve({ ok: true, status: 200, body });
      };
      request.answer = (status, content) => resolve({ ok: status < 400, status, json: async () => content });
      request.fail = () => reject(new Error("network"));
      request.push = async (...frames) => {
        const text = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("");
        request.stream.enqueue(new TextEncoder().encode(text));
        for (let turn = 0; turn < 5; turn++) await settled();
      };
    });
  };

  get newest() {
    return this.requests.at(-1);
  }
}

const WELCOME = { type: "welcome", user: "alice", time: 0, limits: {} };

async function open() {
  const hub = new FakeHub();
  const socket = new EventStreamSocket("ws://hub/ws/", { fetch: hub.fetch });
  const received = [];
  const codes = [];
  socket.onmessage = ({ data }) => received.push(JSON.parse(data));
  socket.onclose = ({ code }) => codes.push(code);
  hub.newest.accept();
  await settled();
  await hub.newest.push(WELCOME);
  return { hub, socket, received, codes };
}

async function subscribe({ hub, socket }, id, stream) {
  socket.send(JSON.stringify({ id, type: "subscribe", stream }));
  mock.timers.tick(30);
  hub.newest.accept();
  await settled();
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

describe("frames", () => {
  it("are found however the stream is cut", () => {
    const parser = new EventStreamParser();
    const text = 'retry: 2000\n\nid: 7\ndata: {"n":7}\n\ndata: {"type":"ping"}\n\n';
    const found = [...text].flatMap((piece) => [...parser.parse(piece)]);
    assert.deepEqual(found, [{ n: 7 }, { type: "ping" }]);
  });
});

describe("a stream of events in place of a WebSocket", () => {
  it("is open after the hub's welcome", async () => {
    const { socket, received } = await open();
    assert.equal(socket.readyState, 1);
    assert.deepEqual(received, [WELCOME]);
  });

  it("asks for all streams of a page at once and answers with their snapshots", async () => {
    const made = await open();
    made.socket.send('{"id": 1, "type": "subscribe", "stream": "device:a"}');
    await subscribe(made, 2, "dashboard:7");
    assert.equal(made.hub.requests.length, 2);
    assert.equal(made.hub.newest.url, "/api/v1/stream?device=a&dashboard=7");
    await made.hub.newest.push(
      WELCOME,
      { type: "snapshot", stream: "device:a", snapshot: { a: 1 } },
      { type: "snapshot", stream: "dashboard:7", snapshot: {} },
      { type: "telemetry", n: 1, devices: {} },
    );
    assert.deepEqual(made.received.slice(1), [
      { reply: 1, ok: true, result: { a: 1 } },
      { reply: 2, ok: true, result: {} },
      { type: "telemetry", n: 1, devices: {} },
    ]);
  });

  it("resyncs streams that were open before, from the snapshot that has arrived", async () => {
    const made = await open();
    await subscribe(made, 1, "device:a");
    await made.hub.newest.push(WELCOME, { type: "snapshot", stream: "device:a", snapshot: 1 });
    await subscribe(made, 2, "device:b");
    await made.hub.newest.push(WELCOME, { type: "snapshot", stream: "device:a", snapshot: 2 });
    assert.deepEqual(made.received.at(-1), { type: "resync", streams: ["device:a"], reason: "reconnect" });
    made.socket.send('{"id": 3, "type": "subscribe", "stream": "device:a"}');
    assert.deepEqual(made.received.at(-1), { reply: 3, ok: true, result: 2 });
    mock.timers.tick(30);
    assert.equal(made.hub.requests.length, 3);
  });

  it("answers all requests for a stream that await its snapshot", async () => {
    const made = await open();
    made.socket.send('{"id": 1, "type": "subscribe", "stream": "device:a"}');
    await subscribe(made, 2, "device:a"); // two resyncs, one right after the other
    await made.hub.newest.push(WELCOME, { type: "snapshot", stream: "device:a", snapshot: 7 });
    assert.deepEqual(made.received.slice(1), [
      { reply: 1, ok: true, result: 7 },
      { reply: 2, ok: true, result: 7 },
    ]);
  });

  it("forgets a stream that was unsubscribed while its snapshot was on the way", async () => {
    const made = await open();
    await subscribe(made, 1, "device:a");
    await made.hub.newest.push(WELCOME, { type: "snapshot", stream: "device:a", snapshot: 1 });
    await subscribe(made, 2, "device:b");
    made.socket.send('{"id": 3, "type": "unsubscribe", "stream": "device:a"}');
    await made.hub.newest.push(WELCOME, { type: "snapshot", stream: "device:a", snapshot: 2 });
    assert.ok(made.received.every(({ type }) => type !== "resync"));
    await subscribe(made, 4, "device:a"); // a new request, not answered with the old snapshot
    assert.equal(made.hub.newest.url, "/api/v1/stream?device=b&device=a");
  });

  it("refuses a stream that does not exist", async () => {
    const made = await open();
    await subscribe(made, 1, "device:a");
    await made.hub.newest.push(WELCOME, { type: "unsubscribed", stream: "device:a", reason: "not_found" });
    assert.equal(made.received.at(-1).error.code, "not_found");
  });

  it("continues without the only stream if that does not exist", async () => {
    const made = await open();
    made.socket.send('{"id": 1, "type": "subscribe", "stream": "device:a"}');
    mock.timers.tick(30);
    made.hub.newest.answer(404, { error: { code: "not_found", message: "no", retry: false } });
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.equal(made.received.at(-1).error.code, "not_found");
    assert.equal(made.hub.newest.url, "/api/v1/stream?");
    assert.deepEqual(made.codes, []);
  });

  it("sends commands over HTTP", async () => {
    const made = await open();
    made.socket.send('{"id": 5, "type": "command", "device": "a", "name": "set", "args": {"speed": 1}}');
    const { url, options } = made.hub.newest;
    assert.equal(url, "/api/v1/devices/a/commands");
    assert.deepEqual(JSON.parse(options.body), { name: "set", args: { speed: 1 } });
    made.hub.newest.answer(202, { command: "x", status: "queued" });
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.deepEqual(made.received.at(-1), { reply: 5, ok: true, result: { command: "x", status: "queued" } });
  });

  for (const [frame, method, url, body] of [
    [{ type: "message", room: 3, text: "hi", key: "k" }, "POST", "rooms/3/messages", { text: "hi", key: "k" }],
    [{ type: "direct", to: "bob@x", text: "hi" }, "POST", "people/bob%40x/messages", { text: "hi" }],
    [{ type: "edit", room: 3, seq: 7, text: "ho" }, "PATCH", "rooms/3/messages/7", { text: "ho" }],
    [{ type: "remove", room: 3, seq: 7 }, "DELETE", "rooms/3/messages/7", undefined],
    [{ type: "read", room: 3, seq: 7 }, "PUT", "rooms/3/read", { seq: 7 }],
  ]) {
    it(`sends ${frame.type} over HTTP`, async () => {
      const made = await open();
      made.socket.send(JSON.stringify({ id: 5, ...frame }));
      const { url: asked, options } = made.hub.newest;
      assert.equal(`${options.method} ${asked}`, `${method} /api/v1/${url}`);
      assert.deepEqual(options.body && JSON.parse(options.body), body);
      made.hub.newest.answer(200, { seq: 8 });
      for (let turn = 0; turn < 5; turn++) await settled();
      assert.deepEqual(made.received.at(-1), { reply: 5, ok: true, result: { seq: 8 } });
    });
  }

  it("accepts an answer without content", async () => {
    const made = await open();
    made.socket.send('{"id": 5, "type": "read", "room": 3, "seq": 7}');
    made.hub.newest.answer(204, undefined);
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.deepEqual(made.received.at(-1), { reply: 5, ok: true, result: {} });
  });

  it("sends no request for typing", async () => {
    const made = await open();
    const asked = made.hub.requests.length;
    made.socket.send('{"id": 5, "type": "typing", "room": 3}');
    assert.deepEqual(made.received.at(-1), { reply: 5, ok: true, result: {} });
    assert.equal(made.hub.requests.length, asked);
  });

  it("subscribes to a stream without a name", async () => {
    const made = await open();
    made.socket.send('{"id": 1, "type": "subscribe", "stream": "room:3"}');
    await subscribe(made, 2, "inbox");
    assert.equal(made.hub.newest.url, "/api/v1/stream?room=3&inbox=1");
  });

  for (const [what, end, code] of [
    ["the hub ends it", ({ stream }) => stream.close(), 1012],
    ["the network does", ({ stream }) => stream.error(new Error("network")), 1006],
    ["the login has ended", ({ push }) => push({ type: "error", error: { code: "unauthenticated" } }), 4401],
  ]) {
    it(`is closed with ${code} when ${what}`, async () => {
      const made = await open();
      await end(made.hub.newest);
      for (let turn = 0; turn < 5; turn++) await settled();
      assert.deepEqual(made.codes, [code]);
      assert.equal(made.socket.readyState, 3);
    });
  }

  it("is closed as not signed in when the hub answers 401", async () => {
    const hub = new FakeHub();
    const socket = new EventStreamSocket("", { fetch: hub.fetch });
    const codes = [];
    socket.onclose = ({ code }) => codes.push(code);
    hub.newest.answer(401, { error: { code: "unauthenticated" } });
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.deepEqual(codes, [4401]);
  });

  it("reports nothing more once it was closed by the page", async () => {
    const made = await open();
    made.socket.close();
    for (let turn = 0; turn < 5; turn++) await settled();
    assert.deepEqual(made.codes, []);
  });
});

describe("a connection", () => {
  class Other extends FakeSocket {}

  const connect = (reachable) => {
    FakeSocket.reset();
    const connection = new HubConnection("ws://hub/ws/", {
      WebSocket: FakeSocket,
      Fallback: Other,
      reachable,
      random: () => 1,
    });
    connection.start();
    return connection;
  };

  const fail = async () => {
    FakeSocket.newest.hangUp(1006);
    await settled();
    mock.timers.tick(15_000);
  };

  it("uses the fallback when two WebSockets never opened although the hub answers, and stays with it", async () => {
    connect(async () => true);
    await fail();
    assert.ok(!(FakeSocket.newest instanceof Other));
    await fail();
    assert.ok(FakeSocket.newest instanceof Other);
    FakeSocket.newest.accept();
    await fail();
    assert.ok(FakeSocket.newest instanceof Other);
  });

  it("goes back to the WebSocket when the fallback does not open either", async () => {
    connect(async () => true);
    for (let tries = 0; tries < 3; tries++) await fail();
    assert.ok(!(FakeSocket.newest instanceof Other));
  });

  it("keeps trying the WebSocket while the hub is down", async () => {
    connect(async () => false);
    for (let tries = 0; tries < 5; tries++) await fail();
    assert.ok(!(FakeSocket.newest instanceof Other));
  });

  it("aborts a handshake that is held back", async () => {
    connect(async () => false);
    mock.timers.tick(10_000);
    mock.timers.tick(15_000);
    assert.equal(FakeSocket.opened.length, 2);
  });
});
