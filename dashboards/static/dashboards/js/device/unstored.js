// A device of which nothing can be stored seems to be silent, so it is said where people look first, and why.

import { now } from "../live/hub_clock.js";
import { find, setText } from "../shell/dom.js";
import { moment } from "../shell/times.js";

/**
 * The newest refusal of such a device; `key` names a value or a topic, or is "".
 *
 * @typedef {{key: string, meaning: string, detail: string, at: number}} Unstored
 */

/** Why nothing is stored, in one line. @param {Unstored} unstored */
export function reasonText({ key, meaning }) {
  return key ? `${key}: ${meaning}` : meaning.charAt(0).toUpperCase() + meaning.slice(1);
}

/** Shows the reason in `element` (`[data-unstored]`), or hides it. @param {HTMLElement} element @param {Unstored | null} unstored */
export function showUnstored(element, unstored) {
  element.hidden = !unstored;
  if (!unstored) return;
  setText(find(element, "unstored-reason"), reasonText(unstored));
  setText(find(element, "unstored-detail"), unstored.detail);
  setText(find(element, "unstored-time"), moment(unstored.at, now()));
}
