import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { RoomApi } from "../../../dashboards/static/dashboards/js/rooms/room_api.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An upload whose other end is the test. */
class FakeRequest {
  static sent = [];
  upload = {};
  status = 0;
  response = null;
  open() {}
  setRequestHeader() {}
  send(form) {
    this.form = form;
    FakeRequest.sent.push(this);
  }
  abort() {
    this.aborted = true;
    this.onabort?.();
  }
  answer(status, response) {
    Object.assign(this, { status, response });
    this.onload();
  }
}

const real = { document: globalThis.document, XMLHttpRequest: globalThis.XMLHttpRequest };

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeRequest.sent = [];
  Object.assign(globalThis, { document: { cookie: "csrftoken=abc" }, XMLHttpRequest: FakeRequest });
});

afterEach(() => {
  mock.timers.reset();
  Object.assign(globalThis, real);
});

describe("an upload", () => {
  const file = new File(["hello"], "a.txt");
  const settled = [];

  async function upload(given = file) {
    settled.length = 0;
    const progress = [];
    new RoomApi(3).upload(given, { text: "", key: "k", progress: (share) => progress.push(share) }).then(
      (seq) => settled.push(seq),
      (error) => settled.push(error.code),
    );
    while (!FakeRequest.sent.length && !settled.length) await turn();
    return [FakeRequest.sent[0], progress];
  }

  it("resolves with the seq of its message", async () => {
    const [request, progress] = await upload();
    request.upload.onprogress({ loaded: 1, total: 4 });
    request.answer(201, { seq: 7 });
    await turn();
    assert.deepEqual([settled, progress], [[7], [0.25]]);
  });

  it("of a file that can’t be read is refused without a request", async () => {
    const gone = new File(["hello"], "a.txt");
    gone.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) });
    await upload(gone);
    assert.deepEqual([settled, FakeRequest.sent], [["unreadable"], []]);
  });

  it("that something other than the hub answers is refused, and not retried for ever", async () => {
    for (const status of [200, 403]) {
      FakeRequest.sent = [];
      const [request] = await upload();
      request.answer(status, null);
      await turn();
      assert.deepEqual(settled, ["unexpected"]);
    }
  });

  it("is to be retried while the hub is unavailable", async () => {
    const [request] = await upload();
    request.answer(502, null);
    await turn();
    assert.deepEqual(settled, ["unavailable"]);
  });

  it("that makes no progress is aborted, to be retried", async () => {
    const [request] = await upload();
    mock.timers.tick(59_000);
    request.upload.onprogress({ loaded: 1, total: 4 });
    mock.timers.tick(59_000);
    await turn();
    assert.deepEqual(settled, []);
    mock.timers.tick(1_000);
    await turn();
    assert.deepEqual([settled, request.aborted], [["timeout"], true]);
  });
});
