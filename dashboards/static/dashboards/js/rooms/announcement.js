// What is read aloud of what arrives in a room. Pure.

import { counts, isOwn } from "./layout.js";
import { answerText } from "./words.js";

/** Characters of a message. */
const MOST = 300;

/**
 * The words for an entry that has just arrived, or "": what others say, and what is answered to the person. `timeline`
 * holds what came before it.
 */
export function announcement(entry, timeline, username) {
  const isMine = (seq) => {
    const asked = timeline.find(seq);
    return Boolean(asked && isOwn(asked, username));
  };
  if (counts(entry, username)) return `${entry.author}: ${entry.text.slice(0, MOST)}`;
  if (entry.kind === "note" && isMine(entry.seq - 1)) return entry.text.replace(/[*`]/g, "").slice(0, MOST);
  if (entry.kind === "answer" && isMine(entry.of)) return `${entry.author}: ${answerText(entry)}`.slice(0, MOST);
  return "";
}
