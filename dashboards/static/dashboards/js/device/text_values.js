// Texts that devices send in place of numbers and booleans. Pure.

/** @import { Value } from "../live/protocol.d.ts" */

// As in `devices/telemetry/metric_rules.py`: a unit may follow, but no further digits.
const NUMBER = /^([+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:e[+-]?\d+)?)(?:\s+[^\s\d]\S{0,15}|[^\s\d.,:;+-]{0,16})$/i;
/** @type {Record<string, boolean>} */
const WORDS = { true: true, on: true, yes: true, 1: true, false: false, off: false, no: false, 0: false };

/**
 * The number that a value is, or that its text says; `null` if there is none.
 *
 * @param {Value | undefined} value
 */
export function numberIn(value) {
  if (typeof value === "number") return value;
  const found = typeof value === "string" ? NUMBER.exec(value.trim()) : null;
  const number = found ? Number(found[1].replace(",", ".")) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}

/**
 * What a value or its text says of something that is on or off; `null` if neither.
 *
 * @param {Value | undefined} value
 */
export function booleanIn(value) {
  if (value === undefined) return null;
  const word = String(value).trim().toLowerCase();
  return Object.hasOwn(WORDS, word) ? WORDS[word] : null;
}
