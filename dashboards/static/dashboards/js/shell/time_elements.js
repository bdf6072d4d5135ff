// The text of `<time>` elements.

import { now } from "../live/hub_clock.js";
import { selectAll, setText } from "./dom.js";
import { moment, shortMoment } from "./times.js";

/**
 * Writes the time of every `<time data-time="MS">` below `root`.
 *
 * @param {ParentNode} root
 */
export function showTimes(root) {
  for (const element of selectAll(root, "time[data-time]", HTMLTimeElement)) {
    const ms = Number(element.dataset.time);
    if (!ms) continue;
    setText(element, shortMoment(ms, now()));
    element.dateTime = new Date(ms).toISOString();
    element.title = moment(ms, now());
  }
}
