import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { CsvSlicer, MAX_RECORD } from "../../../dashboards/static/dashboards/js/device/csv_slicer.js";

const bytes = (text) => new TextEncoder().encode(text);
const text = (piece) => new TextDecoder().decode(piece.body);

/** All pieces of a file that is read `size` bytes at a time. */
function cut(file, size = 10_000) {
  const [slicer, content] = [new CsvSlicer(), typeof file === "string" ? bytes(file) : file];
  const pieces = [];
  for (let at = 0; at < content.length; at += size) pieces.push(...slicer.push(content.slice(at, at + size)));
  return [...pieces, ...slicer.end()];
}

/** The content of the pieces, without the first line that each of them repeats. */
const content = (pieces, header) => pieces.map((piece) => text(piece).slice(header.length)).join("");

const HEADER = "time,metric,value\n";

describe("a file is cut into pieces", () => {
  const lines = Array.from(
    { length: 40_000 },
    (_, i) => `1700000000000,m${i % 7},"line ${i}\nwith ""quotes"", and more"\n`,
  ).join("");

  for (const size of [997, 65_536, 10_000_000]) {
    it(`of whole records below 256 KiB, read by ${size} bytes`, () => {
      const pieces = cut(HEADER + lines, size);
      assert.ok(pieces.length > 5);
      assert.equal(content(pieces, HEADER), lines);
      for (const piece of pieces) {
        assert.ok(piece.body.length <= 256 * 1024);
        assert.ok(text(piece).startsWith(`${HEADER}1700000000000,m`));
        assert.ok(text(piece).endsWith('more"\n'));
      }
    });
  }

  it("that know how far into the file they reach", () => {
    const pieces = cut(HEADER + lines);
    assert.equal(pieces.at(-1).offset, bytes(HEADER + lines).length);
    assert.deepEqual(
      pieces.map(({ offset }) => offset),
      pieces.map(({ offset }) => offset).toSorted((a, b) => a - b),
    );
  });

  it("that know the numbers of their lines", () => {
    const pieces = cut(`\n\n${HEADER}${lines}`);
    let [line, above] = [4, 3]; // the blank lines go with the first one
    for (const piece of pieces) {
      assert.equal(piece.lineOf(above + 1), line);
      line += text(piece).split("\n").length - 1 - above;
    }
  });
});

describe("small files", () => {
  it("are one piece, with or without a line end", () => {
    assert.deepEqual(cut(`${HEADER}1,a,1\n1,b,2`).map(text), [`${HEADER}1,a,1\n1,b,2`]);
  });

  it("of one line, or empty ones, are sent too: the hub reports what is wrong", () => {
    assert.deepEqual(cut(HEADER).map(text), [HEADER]);
    assert.deepEqual(cut("time,a").map(text), ["time,a\n"]);
    assert.deepEqual(cut("").map(text), [""]);
  });

  it("keep CRLF and the byte order mark", () => {
    assert.deepEqual(
      cut("\ufefftime,a\r\n1,2\r\n").map((piece) => [...piece.body.slice(0, 3)]),
      [[0xef, 0xbb, 0xbf]],
    );
    assert.ok(text(cut("time,a\r\n1,2\r\n")[0]).endsWith("\r\n1,2\r\n"));
  });
});

describe("a record without an end", () => {
  const good = "1700000000000,a,1\n".repeat(10_000);

  it("costs only the line that its quote is in", () => {
    const pieces = cut(`${HEADER}1,a,1\n1,b,"open\n${good}`);
    assert.ok(text(pieces[0]).endsWith('1,b,"open\n'));
    assert.equal(content(pieces, HEADER), `1,a,1\n1,b,"open\n${good}`);
    assert.equal(pieces[1].lineOf(2), 4);
  });

  it("of ten megabytes is sent as far as the hub needs to refuse it, and then skipped", () => {
    const pieces = cut(`${HEADER}1,a,1\n${"x".repeat(10_000_000)}\n${good}`);
    const [first, ...others] = pieces;
    assert.equal(first.body.length, HEADER.length + 6 + MAX_RECORD + 1);
    assert.equal(content(others, HEADER), good);
    assert.equal(others[0].lineOf(2), 4);
    assert.equal(others.at(-1).offset, HEADER.length + 6 + 10_000_001 + good.length);
  });

  it("may be the first line", () => {
    const pieces = cut("x".repeat(1_000_000));
    assert.ok(pieces.length >= 1);
    for (const piece of pieces) assert.ok(piece.body.length <= 256 * 1024);
  });

  it("may be all there is", () => {
    assert.deepEqual(cut('"').map(text), ['"\n']);
  });
});
