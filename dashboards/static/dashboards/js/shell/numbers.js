// Numbers and other values as text. Pure.

/** @import { Value } from "../live/protocol.d.ts" */

/** @type {Map<number, Intl.NumberFormat>} by number of decimals */
const FORMATS = new Map();

/** @param {number} number @param {number} decimals */
function grouped(number, decimals) {
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const format = FORMATS.get(decimals) ?? new Intl.NumberFormat("en-GB", options);
  FORMATS.set(decimals, format);
  return format.format(number).replace("-", "−");
}

/**
 * How many decimals are worth showing: enough for four digits, but no more than were ever sent.
 *
 * @param {number} number
 * @param {number} sent
 */
function usefulDecimals(number, sent) {
  const size = Math.abs(number);
  if (size >= 10_000) return 0;
  if (size >= 100) return Math.min(sent, 1);
  if (size >= 1) return Math.min(sent, 2);
  return Math.min(sent, size >= 0.1 ? 3 : 4);
}

/** @param {number} number */
function decimalsOf(number) {
  const text = String(Math.abs(number));
  const point = text.indexOf(".");
  return point < 0 || text.includes("e") ? 0 : text.length - point - 1;
}

/**
 * Formats the numbers of one metric alike: once it has shown a decimal, whole numbers keep the zero, so that the number
 * doesn't jump.
 */
export class NumberFormat {
  #decimals = 0;

  /** @param {number} number */
  format(number) {
    if (!Number.isFinite(number)) return "–";
    if (isExtreme(number)) return exponential(number);
    this.#decimals = Math.max(this.#decimals, Math.min(4, decimalsOf(number)));
    return this.formatMean(number);
  }

  /**
   * Formats a number that the hub has calculated: a mean has decimals that the device never sent.
   *
   * @param {number} number
   */
  formatMean(number) {
    return isExtreme(number) ? exponential(number) : grouped(number, usefulDecimals(number, this.#decimals));
  }
}

/** @param {number} number */
function isExtreme(number) {
  const size = Math.abs(number);
  return size >= 1e12 || (size > 0 && size < 1e-4);
}

/** @param {number} number */
function exponential(number) {
  const [digits, power] = number.toExponential(2).split("e");
  return `${digits.replace("-", "−")} × 10${superscript(Number(power))}`;
}

/** @param {number} number */
function superscript(number) {
  return String(number).replace(/./g, (character) => (character === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(character)]));
}

/** @type {[limit: number, prefix: string][]} */
const PREFIXES = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * A short form for axes: 4000, 12k, 3.4M; 1.2e−9 where no prefix is commonly read. If ticks are `step` apart, it has
 * the digits that distinguish one from the next.
 *
 * @param {number} number
 */
export function compact(number, step = 0) {
  const size = Math.abs(number);
  if (size >= 1e21 || (size > 0 && size < 1e-3)) return number.toExponential(1).replaceAll("-", "−").replace("+", "");
  const [scale, prefix] = (size >= 1e4 && PREFIXES.find(([limit]) => size >= limit)) || [1, ""];
  const needed = size && step ? Math.floor(Math.log10(size)) - Math.floor(Math.log10(step)) + 2 : 0;
  return `${trimmed(number / scale, Math.min(8, Math.max(4, needed)))}${prefix}`;
}

/** @param {number} number @param {number} digits */
function trimmed(number, digits) {
  return String(Number(number.toPrecision(digits))).replace("-", "−");
}

/**
 * Any value as text.
 *
 * @param {Value | null | undefined} value
 * @param {NumberFormat} numbers
 * @param {string[]} words  for true and false
 */
export function formatValue(value, numbers, words = ["Yes", "No"]) {
  if (typeof value === "boolean") return value ? words[0] : words[1];
  if (typeof value === "number") return numbers.format(value);
  return value === "" ? "“”" : String(value ?? "–");
}

/**
 * JSON or text in one line, for results and arguments.
 *
 * @param {unknown} value
 */
export function brief(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

const COUNT = new Intl.NumberFormat("en-GB");

/**
 * A count with separators: `12,345`.
 *
 * @param {number} number
 */
export function formatCount(number) {
  return COUNT.format(number);
}

/** @type {[least: number, unit: string][]} */
const BYTE_UNITS = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/**
 * `820 B`, `14 kB`, `3.2 MB`.
 *
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  const [unit, name] = BYTE_UNITS.find(([least]) => bytes >= least) ?? [1, "B"];
  const size = bytes / unit;
  return `${unit > 1 && size < 10 ? size.toFixed(1) : formatCount(Math.round(size))} ${name}`;
}
