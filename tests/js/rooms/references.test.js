import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { piecesOf } from "../../../dashboards/static/dashboards/js/rooms/references.js";

describe("references in a text", () => {
  const data = { mentions: ["bob", "b.o-b"], values: { "pump-1.phase.l1": [0, 1, ""] } };

  it("are those that the message names", () => {
    assert.deepEqual(piecesOf("hi @bob, see @pump-1.phase.l1. And @eve", data), [
      "hi ",
      { mention: "bob" },
      ", see ",
      { value: "pump-1.phase.l1" },
      ". And @eve",
    ]);
  });

  it("are the longest name that is known", () => {
    assert.deepEqual(piecesOf("@b.o-b.", data), [{ mention: "b.o-b" }, "."]);
  });

  it("don't begin within a word", () => {
    assert.deepEqual(piecesOf("x@bob é@bob", data), ["x@bob é@bob"]);
  });

  it("are not names that every object has", () => {
    assert.deepEqual(piecesOf("@constructor", { values: {} }), ["@constructor"]);
  });
});
