import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { PictureMemory } from "../../../dashboards/static/dashboards/js/rooms/picture_memory.js";

/** A picture that knows whether it is loaded, and how often it was. @param {number} pixels */
function picture(pixels) {
  const made = {
    pixels,
    loaded: false,
    loads: 0,
    load: () => {
      made.loaded = true;
      made.loads += 1;
    },
    unload: () => {
      made.loaded = false;
    },
  };
  return made;
}

describe("the memory of pictures", () => {
  it("loads what comes into view", () => {
    const memory = new PictureMemory(10);
    const [first, second] = [picture(4), picture(4)];
    memory.see(first, true);
    memory.see(second, false);
    assert.deepEqual([first.loaded, second.loaded], [true, false]);
  });

  it("keeps what left the view as long as there is room", () => {
    const memory = new PictureMemory(10);
    const pictures = [picture(4), picture(4), picture(4)];
    for (const one of pictures) {
      memory.see(one, true);
      memory.see(one, false);
    }
    assert.deepEqual(
      pictures.map((one) => one.loaded),
      [false, true, true],
    );
    memory.see(pictures[0], true);
    assert.deepEqual(
      pictures.map((one) => one.loaded),
      [true, false, true],
    );
    assert.equal(pictures[2].loads, 1);
  });

  it("prefers what is in view, and loads the rest once there is room", () => {
    const memory = new PictureMemory(10);
    const pictures = [picture(6), picture(6)];
    for (const one of pictures) memory.see(one, true);
    assert.deepEqual(
      pictures.map((one) => one.loaded),
      [false, true],
    );
    memory.forget(pictures[1]);
    assert.deepEqual(
      pictures.map((one) => one.loaded),
      [true, false],
    );
  });

  it("never exceeds its pixels", () => {
    const memory = new PictureMemory(10);
    const pictures = Array.from({ length: 20 }, (_, i) => picture(1 + (i % 5)));
    for (const one of pictures) {
      memory.see(one, true);
      const loaded = pictures.filter((each) => each.loaded).reduce((sum, each) => sum + each.pixels, 0);
      assert.ok(loaded <= 10);
    }
  });
});
