// What a message said before it was edited or deleted, below it.

import { make, select, setText } from "../shell/dom.js";
import { messageOf } from "../shell/forms.js";
import { fullTime, timeOfDay } from "../shell/times.js";

/** @import { Revision } from "./room_api.js" */

/**
 * Shows the revisions in the row of the message, or hides them.
 *
 * @param {HTMLElement} row
 * @param {() => Promise<Revision[]>} fetchRevisions
 */
export async function toggleRevisions(row, fetchRevisions) {
  const shown = row.querySelector(".revisions");
  select(row, ".trace").setAttribute("aria-expanded", String(!shown));
  if (shown) {
    shown.remove();
    return;
  }
  const list = make("ol", "revisions");
  select(row, "[data-part=foot]").after(list);
  try {
    list.replaceChildren(...(await fetchRevisions()).map(makeItem));
  } catch (error) {
    setText(list, messageOf(error));
  }
}

/** @param {Revision} revision */
function makeItem({ text, until }) {
  const item = make("li");
  const time = make("time", "", `until ${timeOfDay(until)}`);
  time.removeAttribute("class");
  time.title = fullTime(until);
  const paragraph = document.createElement("p");
  setText(paragraph, text || "(no text)");
  item.append(paragraph, time);
  return item;
}
