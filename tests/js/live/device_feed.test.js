import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";
import { DeviceFeed } from "../../../dashboards/static/dashboards/js/live/device_feed.js";
import { HubConnection } from "../../../dashboards/static/dashboards/js/live/hub_connection.js";
import { FakeSocket } from "./fake_socket.js";

function listener() {
  const received = [];
  const note = (name) => (uid, detail) => received.push([name, uid, detail]);
  return {
    received,
    snapshot: note("snapshot"),
    telemetry: note("telemetry"),
    availability: note("availability"),
    command: note("command"),
  };
}

let connection, feed;

beforeEach(() => {
  FakeSocket.reset();
  connection = new HubConnection("ws://hub/ws/", { WebSocket: FakeSocket });
  feed = new DeviceFeed(connection);
  connection.start();
  FakeSocket.newest.accept();
});

it("the listener of a device receives only the pushes of that device", () => {
  const [pump, tank] = [listener(), listener()];
  feed.watchDevice("pump-1", pump);
  FakeSocket.newest.reply({ availability: "online" });
  feed.watchDevice("tank-1", tank);
  FakeSocket.newest.push({ type: "telemetry", n: 1, devices: { "pump-1": { flow: [[1, 2]] } } });
  FakeSocket.newest.push({ type: "availability", device: "tank-1", status: "offline", at: 5 });
  assert.deepEqual(pump.received, [
    ["snapshot", "pump-1", { availability: "online" }],
    ["telemetry", "pump-1", { flow: [[1, 2]] }],
  ]);
  assert.deepEqual(
    tank.received.map(([name]) => name),
    ["availability"],
  );
  connection.stop();
});

it("the listener of a dashboard receives the pushes of each of its devices", () => {
  const board = listener();
  feed.watchDashboard(7, ["a", "b"], board);
  assert.equal(FakeSocket.newest.sent[0].stream, "dashboard:7");
  FakeSocket.newest.reply({ devices: { a: 1, b: 2 } });
  FakeSocket.newest.push({ type: "command", device: "b", id: "c1", status: "sent" });
  assert.deepEqual(
    board.received.map(([name, uid]) => `${name} ${uid}`),
    ["snapshot a", "snapshot b", "command b"],
  );
  connection.stop();
});

it("the listener of a dashboard receives the revision before its devices", () => {
  const received = [];
  feed.watchDashboard(7, ["a"], { revision: (text) => received.push(text), snapshot: (uid) => received.push(uid) });
  FakeSocket.newest.reply({ devices: { a: 1 }, revision: "9f3c" });
  assert.deepEqual(received, ["9f3c", "a"]);
  connection.stop();
});

it("a listener that has ended receives nothing", () => {
  const pump = listener();
  feed.watchDevice("pump-1", pump)();
  FakeSocket.newest.push({ type: "telemetry", n: 1, devices: { "pump-1": {} } });
  assert.deepEqual(pump.received, []);
  connection.stop();
});

it("after readings were left out, listeners are notified once the page keeps up", (t) => {
  connection.stop(); // its timers are real ones
  t.mock.timers.enable({ apis: ["setTimeout"] });
  connection.start();
  FakeSocket.newest.accept();
  const [missed, other] = [[], []];
  feed.watchDevice("pump-1", { missed: (uid) => missed.push(uid) });
  feed.watchDevice("tank-1", { missed: (uid) => other.push(uid) });
  for (let n = 1; n < 5; n++) {
    FakeSocket.newest.push({ type: "telemetry", n, dropped: 7, devices: { "pump-1": { flow: [[n, n]] } } });
    t.mock.timers.tick(1_500);
  }
  assert.deepEqual(missed, []);
  FakeSocket.newest.push({ type: "telemetry", n: 5, devices: { "pump-1": { flow: [[5, 5]] } } });
  t.mock.timers.tick(600);
  assert.deepEqual([missed, other], [["pump-1"], []]);
  t.mock.timers.tick(10_000);
  assert.deepEqual(missed, ["pump-1"]);
  connection.stop();
});

it("several listeners of a device share its stream, and a later one receives what is known by then", async () => {
  const [page, room] = [listener(), listener()];
  const endPage = feed.watchDevice("pump-1", page);
  FakeSocket.newest.reply({ availability: "online", availability_at: 1, latest: { flow: [1, 1], speed: [5, 5] } });
  FakeSocket.newest.push({
    type: "telemetry",
    n: 1,
    devices: {
      "pump-1": {
        flow: [
          [2, 2],
          [3, 3],
        ],
        speed: [[4, 4]],
      },
    },
  });
  FakeSocket.newest.push({ type: "availability", device: "pump-1", status: "stale", at: 9 });
  const endRoom = feed.watchDevice("pump-1", room);
  await Promise.resolve();
  const subscribed = () => FakeSocket.newest.sent.filter(({ type }) => type === "subscribe").length;
  assert.equal(subscribed(), 1);
  const [[name, uid, { availability, availability_at, latest }]] = room.received;
  assert.deepEqual(
    [name, uid, availability, availability_at, { ...latest }],
    ["snapshot", "pump-1", "stale", 9, { flow: [3, 3], speed: [5, 5] }],
  );
  endPage();
  assert.ok(FakeSocket.newest.sent.every(({ type }) => type !== "unsubscribe"));
  endRoom();
  assert.equal(FakeSocket.newest.sent.at(-1).type, "unsubscribe");
  connection.stop();
});

it("a listener that is added while the snapshot is awaited receives it once", async () => {
  const [page, room] = [listener(), listener()];
  feed.watchDevice("pump-1", page);
  feed.watchDevice("pump-1", room);
  FakeSocket.newest.reply({ latest: {} });
  await Promise.resolve();
  assert.deepEqual([page.received.length, room.received.length], [1, 1]);
  connection.stop();
});
