import assert from "node:assert/strict";
import { beforeEach, it } from "node:test";

import { LiveSeries } from "../../../dashboards/static/dashboards/js/charts/live_series.js";

const NOW = Date.now();
let asked; // requests to the HTTP API, answered by the test: {url, signal, answer(columns), fail()}
let changes;

const settled = () => new Promise((resolve) => setImmediate(resolve));
const raw = (...points) => ({ resolution: "raw", t: points.map(([t]) => NOW + t), v: points.map(([, v]) => v) });
const points = ({ series }) => series.times.map((time, i) => [time - NOW, series.values[i]]);
const live = (...list) => list.map(([t, v]) => [NOW + t, v]);

function line() {
  changes = 0;
  return new LiveSeries("pump 1", "flow & more", { windowMs: 60_000, points: 100, changed: () => changes++ });
}

beforeEach(() => {
  asked = [];
  globalThis.fetch = (url, { signal }) =>
    new Promise((resolve, reject) => {
      const respond = (status, body) => resolve({ ok: status < 400, status, json: async () => body });
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      asked.push({
        url,
        signal,
        answer: (columns) => respond(200, columns),
        missing: () => respond(404, { error: { code: "not_found", message: "no such metric", retry: false } }),
        fail: () => respond(503, {}),
      });
    });
});

it("asks for the window it shows, by names that need escaping", () => {
  const flow = line();
  flow.reload();
  const url = new URL(asked[0].url, "http://hub");
  assert.equal(url.pathname, "/api/v1/devices/pump%201/readings");
  assert.equal(url.searchParams.get("metric"), "flow & more");
  const start = Number(url.searchParams.get("start"));
  assert.ok(start <= Date.now() - 60_000 && start > Date.now() - 70_000);
  assert.ok(Number(url.searchParams.get("end")) > Date.now());
  flow.close();
});

it("keeps points that are pushed while the answer is on its way", async () => {
  const flow = line();
  const loading = flow.reload();
  flow.add(live([3, 30], [4, 40])); // 3 is in the answer too, 4 is not
  asked[0].answer(raw([1, 10], [2, 20], [3, 30]));
  await loading;
  flow.add(live([5, 50]));
  assert.deepEqual(points(flow), [
    [1, 10],
    [2, 20],
    [3, 30],
    [4, 40],
    [5, 50],
  ]);
});

it("fills the gap of a lost connection, and shows the old line until then", async () => {
  const flow = line();
  const first = flow.reload();
  asked[0].answer(raw([1, 10]));
  await first;
  const second = flow.reload(); // 2 was stored while the connection was lost
  flow.add(live([3, 30]));
  assert.deepEqual(points(flow), [
    [1, 10],
    [3, 30],
  ]);
  asked[1].answer(raw([1, 10], [2, 20]));
  await second;
  assert.deepEqual(points(flow), [
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
});

it("uses only the answer to the last request", async () => {
  const flow = line();
  const old = flow.reload();
  const present = flow.show(5_000);
  assert.ok(asked[0].signal.aborted);
  asked[0].answer(raw([1, 999]));
  asked[1].answer(raw([1, 10]));
  await Promise.all([old, present]);
  assert.deepEqual(points(flow), [[1, 10]]);
});

it("is empty for a metric that was never sent, and shows its first reading", async () => {
  const flow = line();
  const loading = flow.reload();
  asked[0].missing();
  await loading;
  assert.ok(flow.loaded && flow.isEmpty());
  flow.add(live([1, 10]));
  assert.ok(!flow.isEmpty());
});

it("reports a failure, keeps the live points and loads again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const flow = line();
  const loading = flow.reload();
  asked[0].fail();
  await loading;
  assert.ok(flow.failed);
  flow.add(live([3, 30]));
  t.mock.timers.tick(5_000);
  asked[1].answer(raw([1, 10], [3, 30]));
  await settled();
  await settled();
  assert.ok(!flow.failed);
  assert.deepEqual(points(flow), [
    [1, 10],
    [3, 30],
  ]);
});

it("loads at most four histories at once", async () => {
  const lines = Array.from({ length: 6 }, line);
  const loading = lines.map((one) => one.reload());
  await settled();
  assert.equal(asked.length, 4);
  asked[0].answer(raw());
  await loading[0];
  await settled();
  assert.equal(asked.length, 5);
  for (const one of lines) one.close();
});

it("forgets points that have left the window, even if it is not drawn", async () => {
  const flow = line();
  const loading = flow.reload();
  asked[0].answer(raw());
  await loading;
  for (let i = 0; i < 3_000; i++) flow.add(live([i * 100 - 300_000, i]));
  assert.ok(flow.series.times.length < 1_400, `${flow.series.times.length} of 3,000 points, of which 600 can be seen`);
  assert.equal(flow.series.times.at(-1) - NOW, 299_900 - 300_000);
  flow.close();
});
