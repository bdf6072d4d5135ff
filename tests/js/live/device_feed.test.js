import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";
import { DeviceFeed } from "../../../dashboards/static/dashboards/js/live/device_feed.js";
import { HubConnection } from "../../../dashboards/static/dashboards/js/live/hub_connection.js";
import { FakeSocket } from "./fake_socket.js";

function listener() {
  const heard = [];
  const note = (name) => (uid, detail) => heard.push([name, uid, detail]);
  return {
    heard,
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

it("each device's watcher hears of that device alone", () => {
  const [pump, tank] = [listener(), listener()];
  feed.watchDevice("pump-1", pump);
  FakeSocket.newest.reply({ availability: "online" });
  feed.watchDevice("tank-1", tank);
  FakeSocket.newest.push({ type: "telemetry", n: 1, devices: { "pump-1": { flow: [[1, 2]] } } });
  FakeSocket.newest.push({ type: "availability", device: "tank-1", status: "offline", at: 5 });
  assert.deepEqual(pump.heard, [
    ["snapshot", "pump-1", { availability: "online" }],
    ["telemetry", "pump-1", { flow: [[1, 2]] }],
  ]);
  assert.deepEqual(
    tank.heard.map(([name]) => name),
    ["availability"],
  );
  connection.stop();
});

it("a dashboard's watcher hears of each of its devices", () => {
  const board = listener();
  feed.watchDashboard(7, ["a", "b"], board);
  assert.equal(FakeSocket.newest.sent[0].stream, "dashboard:7");
  FakeSocket.newest.reply({ devices: { a: 1, b: 2 } });
  FakeSocket.newest.push({ type: "command", device: "b", id: "c1", status: "sent" });
  assert.deepEqual(
    board.heard.map(([name, uid]) => `${name} ${uid}`),
    ["snapshot a", "snapshot b", "command b"],
  );
  connection.stop();
});

it("a dashboard's watcher is told which tiles there are before it hears of their devices", () => {
  const heard = [];
  feed.watchDashboard(7, ["a"], { revision: (text) => heard.push(text), snapshot: (uid) => heard.push(uid) });
  FakeSocket.newest.reply({ devices: { a: 1 }, revision: "9f3c" });
  assert.deepEqual(heard, ["9f3c", "a"]);
  connection.stop();
});

it("who has stopped watching hears nothing", () => {
  const pump = listener();
  feed.watchDevice("pump-1", pump)();
  FakeSocket.newest.push({ type: "telemetry", n: 1, devices: { "pump-1": {} } });
  assert.deepEqual(pump.heard, []);
  connection.stop();
});

it("after readings were left out, watchers are told once the page keeps up", (t) => {
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

it("several who watch one device share its stream, and the later one is told what is known by then", async () => {
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
  const [[name, uid, { availability, availability_at, latest }]] = room.heard;
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

it("who comes while the snapshot is awaited gets it once", async () => {
  const [page, room] = [listener(), listener()];
  feed.watchDevice("pump-1", page);
  feed.watchDevice("pump-1", room);
  FakeSocket.newest.reply({ latest: {} });
  await Promise.resolve();
  assert.deepEqual([page.heard.length, room.heard.length], [1, 1]);
  connection.stop();
});
