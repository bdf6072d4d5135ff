import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  answerText,
  commandText,
  eventText,
  isOnlyEmoji,
  isSlashCommand,
  typingText,
} from "../../../dashboards/static/dashboards/js/rooms/entry_texts.js";

describe("texts of log entries", () => {
  it("show the command of a control like a typed one", () => {
    assert.equal(commandText({ text: "/set speed 40", data: {} }), "/set speed 40");
    assert.equal(commandText({ text: "", data: { name: "set", args: { speed: 40 } } }), "set speed 40");
    assert.equal(commandText({ text: "", data: { name: "go", args: { a: 1, b: 2 } } }), 'go {"a":1,"b":2}');
    assert.equal(commandText({ text: "", data: { name: "reset", args: {} } }), "reset");
  });

  it("report what became of a command", () => {
    const answer = (data) => answerText({ data: { args: { speed: 40 }, ...data } });
    assert.equal(answer({ status: "succeeded", result: { speed: 40 } }), "done");
    assert.equal(answer({ status: "succeeded", result: 7 }), "7");
    assert.equal(answer({ status: "failed", error: "too fast" }), "too fast");
    assert.equal(answer({ status: "failed" }), "Refused");
    assert.equal(answer({ status: "timed_out", error: "no answer in time" }), "no answer in time");
    assert.equal(answer({ status: "timed_out", late: true, result: { speed: 40 } }), "answered late: done");
    assert.equal(answer({ status: "timed_out", late: true, error: "jammed" }), "answered late: jammed");
    assert.equal(answer({ status: "unconfirmed" }), "sent, but the device has not reported the change");
    assert.equal(answer({ status: "succeeded", truncated: true }), "the result is too long to show here");
  });

  it("name the gateway because of which a device cannot be reached", () => {
    const event = (data) => eventText({ kind: "availability", author: "lamp", data });
    assert.equal(event({ status: "offline" }), "lamp is offline");
    assert.equal(event({ status: "offline", via: "hall" }), "lamp cannot be reached: hall is offline");
  });

  it("recognise typed commands, and not what only looks like them", () => {
    assert.deepEqual(["/help", "/get flow", "//x", "/", "/etc/passwd", "1/2"].map(isSlashCommand), [
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("show a text of nothing but emoji large", () => {
    assert.deepEqual(["👍", "👍🏽 🎉", "ok 👍", "12", "❤️"].map(isOnlyEmoji), [true, true, false, false, true]);
  });

  it("name the people who are typing", () => {
    assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(typingText), [
      "",
      "a is typing…",
      "a and b are typing…",
      "Several people are typing…",
    ]);
  });
});
