import assert from "node:assert/strict";
import { it } from "node:test";

import { Draft } from "../../dashboards/static/dashboards/js/room/draft.js";

class Storage {
  #items = new Map();
  getItem = (name) => this.#items.get(name) ?? null;
  setItem = (name, text) => this.#items.set(name, text);
  removeItem = (name) => this.#items.delete(name);
  get size() {
    return this.#items.size;
  }
}

it("text and what waits outlive the page, for each room by itself", () => {
  const storage = new Storage();
  const draft = new Draft(7, storage);
  draft.text = "half a sen";
  draft.keep("k1", "one");
  draft.keep("k2", "two");
  draft.settle("k1");
  const later = new Draft(7, storage);
  assert.equal(later.text, "half a sen");
  assert.deepEqual(later.unsent, [{ key: "k2", text: "two" }]);
  assert.equal(new Draft(8, storage).text, "");
});

it("leaves nothing behind once all is said", () => {
  const storage = new Storage();
  const draft = new Draft(7, storage);
  draft.text = "hi";
  draft.keep("k", "hi");
  draft.text = "";
  draft.settle("k");
  assert.equal(storage.size, 0);
});

it("works on where the storage is missing, full or holds something else", () => {
  const full = { getItem: () => "][", setItem: () => { throw new Error("full"); }, removeItem: () => {} };
  for (const storage of [undefined, full, { ...full, getItem: () => '{"text": 5, "unsent": [{"key": 1}]}' }]) {
    const draft = new Draft(7, storage);
    draft.text = "hi";
    assert.equal(draft.text, "hi");
    assert.deepEqual(draft.unsent, []);
  }
});
