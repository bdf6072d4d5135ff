import assert from "node:assert/strict";
import { afterEach, beforeEach, it, mock } from "node:test";

import { parseArgs } from "../../../dashboards/static/dashboards/js/device/command_form.js";
import { CommandSender } from "../../../dashboards/static/dashboards/js/device/command_sender.js";
import { RequestError } from "../../../dashboards/static/dashboards/js/live/request_error.js";

const connection = (answer) => ({ request: async () => answer() });
const queued = () => ({ command: "c1", status: "queued" });
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

it("a command ends with what the device answers", async () => {
  const commands = new CommandSender(connection(queued));
  const outcome = commands.send("pump-1", "set", { on: true });
  await settled();
  commands.handlePush({ id: "c1", status: "sent" });
  commands.handlePush({ id: "other", status: "failed" });
  commands.handlePush({ id: "c1", status: "succeeded", result: { on: true } });
  assert.deepEqual(await outcome, { id: "c1", status: "succeeded", result: { on: true } });
});

it("an answer that overtakes the reply is not lost", async () => {
  const commands = new CommandSender(connection(queued));
  commands.handlePush({ id: "c1", status: "failed", error: "too fast" });
  assert.equal((await commands.send("pump-1", "set", {})).error, "too fast");
});

it("a command that the hub refuses ends with the hub's message", async () => {
  const refuse = () => {
    throw new RequestError("forbidden", "this needs the role command", false);
  };
  assert.deepEqual(await new CommandSender(connection(refuse)).send("pump-1", "set", {}), {
    status: "refused",
    error: "this needs the role command",
  });
});

it("a command without an answer becomes unknown instead of pending for ever", async () => {
  const outcome = new CommandSender(connection(queued)).send("pump-1", "set", {});
  await settled();
  mock.timers.tick(25_001);
  assert.equal((await outcome).status, "unknown");
});

it("arguments are a JSON object or nothing", () => {
  assert.deepEqual(parseArgs("  "), {});
  assert.deepEqual(parseArgs('{"a": 1}'), { a: 1 });
  for (const text of ["nope", "[1]", "null", "3", '"x"']) assert.throws(() => parseArgs(text), SyntaxError);
});
