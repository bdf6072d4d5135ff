import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { CompletionSource } from "../../../dashboards/static/dashboards/js/rooms/completion_source.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const PUMP = { uid: "pump-1", name: "Pump", attributes: { "controls.on": "switch" }, metrics: ["flow", "speed"] };

/** A hub that answers requests for devices when the test lets it. */
class Api {
  asked = [];
  unavailable = false;
  arrive = null;

  #answer(name, found) {
    this.asked.push(name);
    return this.unavailable ? Promise.reject(new Error("unavailable")) : Promise.resolve(found);
  }

  commands = () => this.#answer("commands", [{ name: "help", usage: "/help", help: "" }]);
  members = () => this.#answer("members", [{ username: "bob", bot: false }]);
  device = (uid) => this.#answer(`device ${uid}`, PUMP);
  devices = async (space) => {
    await this.#answer(`devices of ${space}`);
    return new Promise((resolve) => {
      this.arrive = () => resolve([PUMP, { ...PUMP, uid: "bobbin", name: "Bobbin" }]);
    });
  };
}

let api, source;
const labels = async (text, more) =>
  ((await source.at(text, text.length, more))?.items ?? []).map(({ label }) => label);

beforeEach(() => {
  mock.timers.enable({ apis: ["Date"] });
  api = new Api();
  source = new CompletionSource(api, { device: "pump-1", space: "garden" });
});

afterEach(() => mock.timers.reset());

describe("the source", () => {
  it("fetches each part once, when it is first needed", async () => {
    assert.deepEqual([await labels("hello"), api.asked], [[], []]);
    assert.deepEqual(await labels("/he"), ["/help"]);
    assert.deepEqual(await labels("/hel"), ["/help"]);
    assert.deepEqual(api.asked, ["commands"]);
  });

  it("fetches only the room's own device when arguments are typed", async () => {
    assert.deepEqual(await labels("/get "), ["flow", "speed"]);
    assert.deepEqual(await labels("/set on "), ["true", "false"]);
    assert.deepEqual(api.asked, ["device pump-1"]);
  });

  it("offers people before the devices are there, and reports when they are", async () => {
    const more = mock.fn();
    assert.deepEqual(await labels("@bob", more), ["@bob"]);
    api.arrive();
    await turn();
    assert.equal(more.mock.callCount(), 1);
    assert.deepEqual(await labels("@bob", more), ["@bob", "@bobbin."]);
    assert.deepEqual(await labels("@bobbin.f", more), ["@bobbin.flow"]);
    assert.deepEqual(api.asked, ["devices of garden", "members"]);
  });

  it("fetches again after a failure, but not at each key", async () => {
    const more = mock.fn();
    api.unavailable = true;
    assert.deepEqual(await labels("/h"), []);
    assert.deepEqual(await labels("/he"), []);
    assert.deepEqual(await labels("@b", more), []);
    await turn();
    assert.deepEqual([api.asked, more.mock.callCount()], [["commands", "devices of garden", "members"], 0]);
    api.unavailable = false;
    mock.timers.tick(10_000);
    assert.deepEqual(await labels("/he"), ["/help"]);
  });
});
