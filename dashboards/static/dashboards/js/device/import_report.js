// What became of an imported file, and the file of its refused lines. Pure.

/** @typedef {{line: number, text: string, reason: string, meaning: string, detail: string}} RefusedLine */
/**
 * The hub's answer to a piece of a file.
 *
 * @typedef {object} PieceAnswer
 * @property {number} stored
 * @property {number} present
 * @property {number} refused
 * @property {{reason: string, meaning: string, count: number}[]} reasons
 * @property {RefusedLine[]} lines
 */

const MAX_LINES = 100; // refused lines that are shown; the rest are only counted

export class ImportReport {
  bytes = 0;
  stored = 0;
  present = 0;
  refused = 0;
  /** @type {Map<string, {meaning: string, count: number}>} by reason */
  reasons = new Map();
  /** @type {RefusedLine[]} */
  lines = [];

  /**
   * Adds what became of a piece.
   *
   * @param {PieceAnswer} answer
   * @param {{offset: number, lineOf: (number: number) => number}} piece
   */
  add(answer, { offset, lineOf }) {
    this.bytes = offset;
    this.stored += answer.stored;
    this.present += answer.present;
    this.refused += answer.refused;
    for (const { reason, meaning, count } of answer.reasons)
      this.reasons.set(reason, { meaning, count: count + (this.reasons.get(reason)?.count ?? 0) });
    const room = Math.max(0, MAX_LINES - this.lines.length);
    this.lines.push(...answer.lines.slice(0, room).map((line) => ({ ...line, line: lineOf(line.line) })));
  }
}

const NEEDS_QUOTES = /[",;\t\r\n]/;
/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r\n'＝＋－＠]/;

/** @param {string} text */
function cell(text) {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The refused lines as a CSV file that is safe to open in a spreadsheet.
 *
 * @param {RefusedLine[]} lines
 */
export function refusedCsv(lines) {
  const rows = lines.map(({ line, reason, meaning, detail, text }) =>
    [String(line), reason, meaning, detail, text].map(cell).join(","),
  );
  return ["line,reason,meaning,detail,text", ...rows, ""].join("\n");
}
