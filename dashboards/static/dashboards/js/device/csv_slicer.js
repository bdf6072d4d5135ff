// Cuts a CSV file, as it is read, into pieces that the hub accepts: whole records, each piece below 256 KiB. Pure.
//
// A record ends at a line end outside quotes. A record that does not end is sent as far as the hub needs to refuse it
// by its line.

/**
 * @typedef {object} Piece
 * @property {Uint8Array<ArrayBuffer>} body  what to send, the file's first line included
 * @property {number} offset  how far into the file it reaches
 * @property {(number: number) => number} lineOf  turns a line number of the body into one of the file
 */

export const MAX_RECORD = 64 * 1024; // as in bridges/csv/records.py
const ENOUGH = 192 * 1024; // bytes of whole records; with one more record a piece is still below 256 KiB

const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** @param {Uint8Array<ArrayBuffer>} a @param {Uint8Array<ArrayBuffer>} b */
function joined(a, b) {
  if (!a.length) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

export class CsvSlicer {
  #buffer = new Uint8Array(0);
  #at = 0; // scanned up to here
  #start = 0; // of the record that is being scanned
  #quoted = false;
  #firstEnd = 0; // end of the first line of that record; 0 until it is seen
  #skipping = false;
  #line = 1; // number of the first line in the buffer
  #offset = 0; // bytes of the file before the buffer
  /** @type {Uint8Array<ArrayBuffer> | null} */
  #header = null;
  #sent = 0;

  /**
   * Adds the next bytes of the file and returns the pieces that are now complete.
   *
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  push(bytes) {
    this.#buffer = joined(this.#buffer, bytes);
    /** @type {Piece[]} */
    const pieces = [];
    while (this.#at < this.#buffer.length) {
      if (this.#skipping) {
        this.#skip();
        continue;
      }
      const byte = this.#buffer[this.#at++];
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE) this.#endLine(pieces);
      if (this.#at - this.#start > MAX_RECORD) this.#breakOff(pieces);
    }
    return pieces;
  }

  /** The last pieces. A file without any yields one, so that the hub can report what is wrong. */
  end() {
    /** @type {Piece[]} */
    const pieces = [];
    if (!this.#header) this.#readHeader(this.#buffer.length);
    if (this.#buffer.length || !this.#sent) this.#cut(this.#buffer.length, pieces);
    return pieces;
  }

  /** @param {Piece[]} pieces */
  #endLine(pieces) {
    this.#firstEnd ||= this.#at;
    if (this.#quoted) return;
    const start = this.#start;
    this.#begin(this.#at);
    const isBlank = !this.#buffer.subarray(start, this.#at).some((byte) => byte > 0x20);
    if (!this.#header && !isBlank) this.#readHeader(this.#at);
    else if (this.#at >= ENOUGH) this.#cut(this.#at, pieces);
  }

  /** @param {number} at */
  #begin(at) {
    this.#start = at;
    this.#firstEnd = 0;
    this.#quoted = false;
  }

  /** The record is too long: only its first line is sent, and scanning starts anew after it. @param {Piece[]} pieces */
  #breakOff(pieces) {
    const end = this.#firstEnd || this.#at;
    this.#skipping = !this.#firstEnd;
    if (this.#header) this.#cut(end, pieces);
    else this.#readHeader(end);
  }

  /** Skips the rest of a line. */
  #skip() {
    const newline = this.#buffer.indexOf(NEWLINE);
    this.#skipping = newline < 0;
    this.#line += this.#drop(newline < 0 ? this.#buffer.length : newline + 1);
  }

  /** @param {number} end */
  #readHeader(end) {
    const header = this.#buffer.slice(0, end);
    this.#header = header.at(-1) === NEWLINE || !header.length ? header : joined(header, Uint8Array.of(NEWLINE));
    this.#line += this.#drop(end);
  }

  /** @param {number} end @param {Piece[]} pieces */
  #cut(end, pieces) {
    const header = this.#header ?? new Uint8Array(0);
    const line = this.#line;
    const above = countLines(header);
    const body = joined(header, this.#buffer.slice(0, end));
    this.#line += this.#drop(end);
    this.#sent++;
    const lineOf = (/** @type {number} */ number) => (number > above ? number - above + line - 1 : number);
    pieces.push({ body, offset: this.#offset, lineOf });
  }

  /** Forgets the beginning of the buffer and returns how many lines it had. @param {number} end */
  #drop(end) {
    const lines = countLines(this.#buffer.subarray(0, end));
    this.#buffer = this.#buffer.slice(end);
    this.#offset += end;
    this.#at = 0;
    this.#begin(0);
    return lines;
  }
}

/** @param {Uint8Array} bytes */
function countLines(bytes) {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines++;
  return lines;
}
