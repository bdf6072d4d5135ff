// What the log's lines say, and how people and devices show in it. Pure.

import { brief } from "../shell/format.js";

const HUES = ["blue", "coral", "teal", "amber", "violet", "sky", "olive"];

/** Somebody's colour, the same on every page. */
export function hueOfName(name) {
  let sum = 0;
  for (const sign of name) sum = (sum * 31 + sign.codePointAt(0)) % 9_973;
  return HUES[sum % HUES.length];
}

/** The letter in somebody's circle. */
export const initialOf = (name) => [...name.replace(/^[^\p{L}\p{N}]+/u, "")][0]?.toUpperCase() ?? "?";

/** A command as it was typed; one of a page's control in the same words. */
export function commandText({ text, data: { name, args } }) {
  if (text) return text;
  const pairs = Object.entries(args ?? {});
  if (name === "set" && pairs.length === 1) return `set ${pairs[0][0]} ${brief(pairs[0][1])}`;
  return pairs.length ? `${name} ${brief(args)}` : name;
}

export const OUTCOMES = { open: "Waiting", succeeded: "Done", failed: "Refused", timed_out: "No answer", unknown: "" };

/** What the device had to say. */
export function answerText({ data: { status, result, error, args, truncated } }) {
  if (truncated) return "answered more than is shown here";
  if (status === "succeeded")
    return result === undefined || result === null || brief(result) === brief(args) ? "done" : brief(result);
  return error || OUTCOMES[status];
}

const CHANGES = { online: "is online", offline: "is offline", stale: "has fallen silent", unknown: "is out of sight" };

export function eventText({ kind, author, data }) {
  return kind === "joined" ? `${author} joined` : `${author} ${CHANGES[data.status] ?? `is ${data.status}`}`;
}

/** Whether it is nothing but a few emoji, which then show large. */
export function isJumbo(text) {
  return (
    /^(?:[\p{Extended_Pictographic}\p{Emoji_Component}]|\s)+$/u.test(text) &&
    /\p{Extended_Pictographic}/u.test(text) &&
    [...text].length <= 12
  );
}

/** Whether it is a command that the hub has answered by itself. */
export const isTyped = (text) => /^\/[\p{L}\p{N}-]+(\s|$)/u.test(text);

/** "bob is typing", for any number of people. */
export function typingText(names) {
  if (!names.length) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : "Several people are typing…";
}
