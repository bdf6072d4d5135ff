// What a text refers to, as the hub reads it: people (`@bob`) and values of devices (`@pump-1.temperature`). Pure.

/** @typedef {string | {mention: string} | {value: string}} Piece */
/**
 * @typedef {[ms: number, value: import("../live/protocol.d.ts").Value, unit: string]} WrittenValue  as it was when the message was written
 */
/** @typedef {{mentions?: string[], values?: Record<string, WrittenValue>}} References */

const REFERENCE = /(?<![\p{L}\p{N}_@.+-])@([\p{L}\p{N}_@.+-]{1,200})/gu;
/** Characters that may be part of a name, but at its end usually belong to the sentence. */
const TRAILING = ".-+@";

/**
 * The text in pieces: strings, and the people and values that the message names. Other names are plain text.
 *
 * @param {string} text
 * @param {References} references
 */
export function piecesOf(text, { mentions = [], values = {} }) {
  /** @type {Piece[]} */
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const name = longestKnown(match[1], (one) => mentions.includes(one) || Object.hasOwn(values, one));
    if (!name) continue;
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(mentions.includes(name) ? { mention: name } : { value: name });
    from = match.index + 1 + name.length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}

/** @param {string} candidate @param {(name: string) => boolean} isKnown */
function longestKnown(candidate, isKnown) {
  for (let name = candidate; name; name = name.slice(0, -1)) {
    if (isKnown(name)) return name;
    if (!TRAILING.includes(name[name.length - 1])) return null;
  }
  return null;
}

/**
 * Device and metric of `pump-1.phase.l1`.
 *
 * @param {string} name
 * @returns {[uid: string, metric: string]}
 */
export function splitValueName(name) {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}
