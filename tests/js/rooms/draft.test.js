import assert from "node:assert/strict";
import { it } from "node:test";

import { Draft } from "../../../dashboards/static/dashboards/js/rooms/draft.js";

class Storage {
  #items = new Map();
  getItem = (name) => this.#items.get(name) ?? null;
  setItem = (name, text) => this.#items.set(name, text);
  removeItem = (name) => this.#items.delete(name);
  get size() {
    return this.#items.size;
  }
}

it("the text and the unsent messages of each room outlive the page", () => {
  const storage = new Storage();
  const draft = new Draft("alice", 7, storage);
  draft.text = "half a sen";
  draft.keep("k1", "one", 1_000);
  draft.keep("k2", "two", 2_000);
  draft.settle("k1");
  const later = new Draft("alice", 7, storage);
  assert.equal(later.text, "half a sen");
  assert.deepEqual(later.unsent, [{ key: "k2", text: "two", at: 2_000 }]);
  assert.equal(new Draft("alice", 8, storage).text, "");
});

it("belongs to one person: another who signs in in the same tab does not get it", () => {
  const storage = new Storage();
  const draft = new Draft("alice", 7, storage);
  draft.text = "half a secret";
  draft.keep("k", "/set speed 99", 1_000);
  const others = new Draft("bob", 7, storage);
  assert.deepEqual([others.text, others.unsent], ["", []]);
});

it("an unsent message that is kept again has the later time and its old place", () => {
  const storage = new Storage();
  const draft = new Draft("alice", 7, storage);
  draft.keep("k1", "one", 1_000);
  draft.keep("k2", "two", 1_000);
  draft.keep("k1", "one", 5_000);
  assert.deepEqual(
    new Draft("alice", 7, storage).unsent.map(({ key, at }) => [key, at]),
    [
      ["k1", 5_000],
      ["k2", 1_000],
    ],
  );
});

it("leaves nothing behind once everything is sent", () => {
  const storage = new Storage();
  const draft = new Draft("alice", 7, storage);
  draft.text = "hi";
  draft.keep("k", "hi", 1_000);
  draft.text = "";
  draft.settle("k");
  assert.equal(storage.size, 0);
});

it("works without storage, with a full one, and with foreign content in it", () => {
  const full = {
    getItem: () => "][",
    setItem: () => {
      throw new Error("full");
    },
    removeItem: () => {},
  };
  for (const storage of [undefined, full, { ...full, getItem: () => '{"text": 5, "unsent": [{"key": 1}]}' }]) {
    const draft = new Draft("alice", 7, storage);
    draft.text = "hi";
    assert.equal(draft.text, "hi");
    assert.deepEqual(draft.unsent, []);
  }
});
