// Cuts a CSV file, as it is read, into pieces that the hub takes: whole records, each piece below 256 KiB. Pure.
//
// A record ends at a line end outside quotes. One without an end is sent as far as the hub needs to refuse it by name.

export const MAX_RECORD = 64 * 1024; // as in bridges/csv/records.py
const ENOUGH = 192 * 1024; // bytes of whole records; with one more record it is still below 256 KiB

const QUOTE = 0x22;
const NEWLINE = 0x0a;

function joined(a, b) {
  if (!a.length) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

export class Slicer {
  #buffer = new Uint8Array(0);
  #at = 0; // scanned up to here
  #start = 0; // of the record that is being scanned
  #quoted = false;
  #firstEnd = 0; // end of the first line of that record; 0: not seen yet
  #skipping = false;
  #line = 1; // number of the first line in the buffer
  #offset = 0; // bytes of the file before the buffer
  #header = null;
  #sent = 0;

  /** Takes the next bytes of the file; returns the pieces that are complete: `{ body, offset, lineOf }`.
   *
   * `body` is what to send, the file's first line included; `offset` how far into the file it reaches; `lineOf` turns
   * a line number of the body into one of the file.
   */
  push(bytes) {
    this.#buffer = joined(this.#buffer, bytes);
    const pieces = [];
    while (this.#at < this.#buffer.length) {
      if (this.#skipping) {
        this.#skip();
        continue;
      }
      const byte = this.#buffer[this.#at++];
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE) this.#lineEnds(pieces);
      if (this.#at - this.#start > MAX_RECORD) this.#breakOff(pieces);
    }
    return pieces;
  }

  /** The last pieces. A file without any gives one, so that the hub says what is wrong with it. */
  end() {
    const pieces = [];
    if (!this.#header) this.#takeHeader(this.#buffer.length);
    if (this.#buffer.length || !this.#sent) this.#cut(this.#buffer.length, pieces);
    return pieces;
  }

  #lineEnds(pieces) {
    this.#firstEnd ||= this.#at;
    if (this.#quoted) return;
    const start = this.#start;
    this.#begin(this.#at);
    if (!this.#header && this.#buffer.subarray(start, this.#at).some((byte) => byte > 0x20)) this.#takeHeader(this.#at);
    else if (this.#at >= ENOUGH) this.#cut(this.#at, pieces);
  }

  #begin(at) {
    this.#start = at;
    this.#firstEnd = 0;
    this.#quoted = false;
  }

  /** The record is too long: its first line goes alone, and what comes after it is looked at anew. */
  #breakOff(pieces) {
    const end = this.#firstEnd || this.#at;
    this.#skipping = !this.#firstEnd;
    if (this.#header) this.#cut(end, pieces);
    else this.#takeHeader(end);
  }

  /** Passes over the rest of a line. */
  #skip() {
    const newline = this.#buffer.indexOf(NEWLINE);
    this.#skipping = newline < 0;
    this.#line += this.#drop(newline < 0 ? this.#buffer.length : newline + 1);
  }

  #takeHeader(end) {
    const header = this.#buffer.slice(0, end);
    this.#header = header.at(-1) === NEWLINE || !header.length ? header : joined(header, Uint8Array.of(NEWLINE));
    this.#line += this.#drop(end);
  }

  #cut(end, pieces) {
    const [header, line] = [this.#header, this.#line];
    const above = countLines(header);
    const body = joined(header, this.#buffer.slice(0, end));
    this.#line += this.#drop(end);
    this.#sent++;
    pieces.push({
      body,
      offset: this.#offset,
      lineOf: (number) => (number > above ? number - above + line - 1 : number),
    });
  }

  /** Forgets the beginning of the buffer; returns how many lines it had. */
  #drop(end) {
    const lines = countLines(this.#buffer.subarray(0, end));
    this.#buffer = this.#buffer.slice(end);
    this.#offset += end;
    this.#at = 0;
    this.#begin(0);
    return lines;
  }
}

function countLines(bytes) {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines++;
  return lines;
}
