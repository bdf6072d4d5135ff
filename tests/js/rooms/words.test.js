import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { pieces } from "../../../dashboards/static/dashboards/js/rooms/references.js";
import { dayName, fileSize } from "../../../dashboards/static/dashboards/js/rooms/times.js";
import {
  answerText,
  commandText,
  initialOf,
  isJumbo,
  isTyped,
  typingText,
} from "../../../dashboards/static/dashboards/js/rooms/words.js";

describe("references in a text", () => {
  const data = { mentions: ["bob", "b.o-b"], values: { "pump-1.phase.l1": [0, 1, ""] } };

  it("are those that the message names", () => {
    assert.deepEqual(pieces("hi @bob, see @pump-1.phase.l1. And @eve", data), [
      "hi ",
      { mention: "bob" },
      ", see ",
      { value: "pump-1.phase.l1" },
      ". And @eve",
    ]);
  });

  it("are the longest name that is known", () => {
    assert.deepEqual(pieces("@b.o-b.", data), [{ mention: "b.o-b" }, "."]);
  });

  it("don't begin within a word", () => {
    assert.deepEqual(pieces("x@bob é@bob", data), ["x@bob é@bob"]);
  });

  it("are no names that every object has", () => {
    assert.deepEqual(pieces("@constructor", { values: {} }), ["@constructor"]);
  });
});

describe("words of the log", () => {
  it("show a control's command like a typed one", () => {
    assert.equal(commandText({ text: "/set speed 40", data: {} }), "/set speed 40");
    assert.equal(commandText({ text: "", data: { name: "set", args: { speed: 40 } } }), "set speed 40");
    assert.equal(commandText({ text: "", data: { name: "go", args: { a: 1, b: 2 } } }), 'go {"a":1,"b":2}');
    assert.equal(commandText({ text: "", data: { name: "reset", args: {} } }), "reset");
  });

  it("say what came of a command", () => {
    const answer = (data) => answerText({ data: { args: { speed: 40 }, ...data } });
    assert.equal(answer({ status: "succeeded", result: { speed: 40 } }), "done");
    assert.equal(answer({ status: "succeeded", result: 7 }), "7");
    assert.equal(answer({ status: "failed", error: "too fast" }), "too fast");
    assert.equal(answer({ status: "failed" }), "Refused");
    assert.equal(answer({ status: "timed_out", error: "no answer in time" }), "no answer in time");
    assert.equal(answer({ status: "succeeded", truncated: true }), "answered more than is shown here");
  });

  it("tell typed commands from what only looks like them", () => {
    assert.deepEqual(["/help", "/get flow", "//x", "/", "/etc/passwd", "1/2"].map(isTyped), [
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("show emoji alone large", () => {
    assert.deepEqual(["👍", "👍🏽 🎉", "ok 👍", "12", "❤️"].map(isJumbo), [true, true, false, false, true]);
  });

  it("name who types", () => {
    assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(typingText), [
      "",
      "a is typing…",
      "a and b are typing…",
      "Several people are typing…",
    ]);
  });

  it("find a letter for everybody", () => {
    assert.deepEqual(["bob", "_é", "💡", ""].map(initialOf), ["B", "É", "?", "?"]);
  });

  it("name days from here", () => {
    const now = new Date(2026, 10, 25, 0, 30).getTime();
    assert.equal(dayName(now - 60_000, now), "Today");
    assert.equal(dayName(now - 3_600_000, now), "Yesterday");
    assert.equal(dayName(now - 3 * 86_400_000, now), "Sunday 22 November");
    assert.equal(dayName(new Date(2024, 0, 2).getTime(), now), "2 January 2024");
  });

  it("round sizes", () => {
    assert.deepEqual([820, 1_400, 14_200, 3_240_000].map(fileSize), ["820 B", "1.4 kB", "14 kB", "3.2 MB"]);
  });
});
