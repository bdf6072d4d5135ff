// What a screen reader announces when an entry arrives in a room. Pure.

import { answerText } from "./entry_texts.js";
import { isFromOthers, isOwn } from "./log_rows.js";

/** @import { Entry } from "../live/protocol.d.ts" */
/** @import { Timeline } from "./timeline.js" */

const MAX_CHARACTERS = 300;

/**
 * The text for an entry that has just arrived, or "": messages of others, and answers to the person are announced.
 *
 * @param {Entry} entry
 * @param {Timeline} timeline  holds the entries before it
 * @param {string} username
 */
export function announcementOf(entry, timeline, username) {
  const isOwnEntry = (/** @type {number} */ seq) => {
    const found = timeline.find(seq);
    return found !== undefined && isOwn(found, username);
  };
  if (isFromOthers(entry, username)) return `${entry.author}: ${entry.text.slice(0, MAX_CHARACTERS)}`;
  if (entry.kind === "note" && isOwnEntry(entry.seq - 1))
    return entry.text.replace(/[*`]/g, "").slice(0, MAX_CHARACTERS);
  if (entry.kind === "answer" && isOwnEntry(Number(entry.of)))
    return `${entry.author}: ${answerText(entry)}`.slice(0, MAX_CHARACTERS);
  return "";
}
