// The texts of log entries. Pure.

import { availabilityChange, commandLabel, toneOf } from "../device/status_labels.js";
import { brief } from "../shell/numbers.js";

/** @import { Entry } from "../live/protocol.d.ts" */

/**
 * A command as it was typed; one that was sent from a control in the same form.
 *
 * @param {Pick<Entry, "text" | "data">} entry
 */
export function commandText({ text, data: { name, args } }) {
  if (text) return text;
  const pairs = Object.entries(args ?? {});
  if (name === "set" && pairs.length === 1) return `set ${pairs[0][0]} ${brief(pairs[0][1])}`;
  return pairs.length ? `${name} ${brief(args)}` : name;
}

/**
 * What the device answered.
 *
 * @param {Pick<Entry, "data">} entry
 * @returns {string}
 */
export function answerText({ data }) {
  if (data.status === "unconfirmed" && !data.late) return "sent, but the device has not reported the change";
  return data.late ? `answered late: ${outcomeOf(data)}` : outcomeOf(data);
}

/** @param {any} data @returns {string} */
function outcomeOf(data) {
  const { result, error, args, truncated } = data;
  if (truncated) return "the result is too long to show here";
  if (toneOf(data) !== "succeeded") return error || commandLabel(data);
  return brief(result) === "" || brief(result) === brief(args) ? "done" : brief(result);
}

/**
 * The line of an event.
 *
 * @param {Pick<Entry, "kind" | "author" | "data">} entry
 */
export function eventText({ kind, author, data }) {
  return kind === "joined" ? `${author} joined` : `${author} ${availabilityChange(data.status, data.via)}`;
}

/**
 * Whether the text is nothing but a few emoji, which are shown large.
 *
 * @param {string} text
 */
export function isOnlyEmoji(text) {
  const hasOnlyEmoji = /^(?:[\p{Extended_Pictographic}\p{Emoji_Component}]|\s)+$/u.test(text);
  return hasOnlyEmoji && /\p{Extended_Pictographic}/u.test(text) && [...text].length <= 12;
}

/** Whether the text is a command that the hub answers itself. @param {string} text */
export const isSlashCommand = (text) => /^\/[\p{L}\p{N}-]+(\s|$)/u.test(text);

/**
 * `bob is typing…`, for any number of people.
 *
 * @param {string[]} names
 */
export function typingText(names) {
  if (!names.length) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : "Several people are typing…";
}
