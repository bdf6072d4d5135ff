// How far an export has come, read from the file as it arrives. Pure.

/**
 * @typedef {{metric: string, first: number, last: number}} Extent  the times of a metric's readings, in milliseconds
 */

const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** Counts the readings of a file and finds its position in metric and time. */
export class ExportProgress {
  readings = -1; // the first line is the header
  metric = "";
  share = 0;
  #quoted = false;
  #rest = ""; // the beginning of a record whose end has not arrived yet
  #decoder = new TextDecoder();
  #extents;
  #indexOf;

  /** @param {Extent[]} extents  in the order of the file */
  constructor(extents) {
    this.#extents = extents;
    this.#indexOf = new Map(extents.map(({ metric }, index) => [metric, index]));
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    let [before, last] = [0, 0]; // begin and end of the last whole record
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === QUOTE) this.#quoted = !this.#quoted;
      else if (bytes[at] === NEWLINE && !this.#quoted) {
        [before, last] = [last, at + 1];
        this.readings++;
      }
    }
    if (last) {
      const head = before ? "" : this.#rest + this.#decoder.decode(bytes.subarray(0, before), { stream: true });
      this.#locate(head + new TextDecoder().decode(bytes.subarray(before, last)));
      this.#rest = "";
      this.#decoder = new TextDecoder();
    }
    this.#rest += this.#decoder.decode(bytes.subarray(last), { stream: true });
  }

  /** @param {string} record */
  #locate(record) {
    const [, time, quoted, plain] = /^([^,]*),(?:"((?:[^"]|"")*)"|([^,]*)),/.exec(record) ?? [];
    const name = (quoted?.replaceAll('""', '"') ?? plain ?? "").replace(/^'/, "");
    const index = this.#indexOf.get(name);
    if (index === undefined) return;
    const { first, last } = this.#extents[index];
    const done = last > first ? (Date.parse(time) - first) / (last - first) : 1;
    this.metric = name;
    this.share = (index + Math.min(1, Math.max(0, done))) / this.#extents.length;
  }
}
