import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { CompletionSource } from "../../../dashboards/static/dashboards/js/rooms/completion_source.js";
import { tokenAt } from "../../../dashboards/static/dashboards/js/rooms/completions.js";

const DEVICES = [
  { uid: "tank-1", name: "Tank", attributes: {}, metrics: ["level"] },
  {
    uid: "pump-1",
    name: "Pump",
    attributes: { "controls.on": "switch", "controls.mode": "choice eco boost", "commands.reset": "button Reset" },
    metrics: ["flow", "temperature"],
  },
];

const API = {
  commands: async () => [
    { name: "get", usage: "/get METRIC", help: "the newest value" },
    { name: "help", usage: "/help", help: "what can be typed" },
    { name: "set", usage: "/set NAME VALUE", help: "sends a command" },
  ],
  members: async () => [
    { username: "bob", bot: false },
    { username: "bender", bot: true },
  ],
  device: async (wanted) => DEVICES.find(({ uid }) => uid === wanted),
  devices: async () => DEVICES,
};

async function labels(text, room = { device: "pump-1", space: "demo" }) {
  const source = new CompletionSource(API, room);
  await source.at(text, text.length); // the devices may arrive after the people
  const found = await source.at(text, text.length);
  return found?.items.map(({ label }) => label) ?? null;
}

async function completed(text) {
  const { items, start } = await new CompletionSource(API, { device: "pump-1", space: "demo" }).at(text, text.length);
  return text.slice(0, start) + items[0].text;
}

describe("completion", () => {
  it("offers commands only at the beginning", async () => {
    assert.deepEqual(await labels("/"), ["/get METRIC", "/help", "/set NAME VALUE"]);
    assert.deepEqual(await labels("/se"), ["/set NAME VALUE"]);
    assert.equal(await labels("see /se"), null);
    assert.equal(await completed("/he"), "/help");
    assert.equal(await completed("/se"), "/set ");
  });

  it("offers the metrics and arguments of the device", async () => {
    assert.deepEqual(await labels("/get "), ["flow", "temperature"]);
    assert.deepEqual(await labels("/chart te"), ["temperature"]);
    assert.deepEqual(await labels("/chart flow 2"), ["24h"]);
    assert.deepEqual(await labels("/set "), ["on", "mode"]);
    assert.deepEqual(await labels("/set on "), ["true", "false"]);
    assert.deepEqual(await labels("/set mode b"), ["boost"]);
    assert.deepEqual(await labels("/call "), ["reset"]);
    assert.deepEqual(await labels("/get ", { device: null, space: "demo" }), []);
  });

  it("offers people and devices after @, the room's own device first", async () => {
    assert.deepEqual(await labels("hi @b"), ["@bob", "@bender"]);
    assert.deepEqual(await labels("@"), ["@bob", "@bender", "@pump-1.", "@tank-1."]);
    assert.equal(await completed("hi @bo"), "hi @bob ");
  });

  it("offers a device's metrics after its dot", async () => {
    assert.deepEqual(await labels("it is @pump-1.t"), ["@pump-1.temperature"]);
    assert.deepEqual(await labels("@tank-1."), ["@tank-1.level"]);
    assert.deepEqual(await labels("@__proto__.x"), []);
  });

  it("finds no reference in a mail address", () => {
    assert.equal(tokenAt("anna@exa", 8), null);
  });

  it("looks only at the text before the caret", () => {
    assert.deepEqual(tokenAt("hi @bo and more", 6), { kind: "reference", query: "bo", start: 3 });
  });

  it("knows when an item is fully typed, so that Enter sends it", async () => {
    const { items } = await new CompletionSource(API, { device: null, space: "demo" }).at("@bob", 4);
    assert.deepEqual(
      items.map(({ isTyped }) => isTyped),
      [true],
    );
  });
});
