// Times of lists, by the reader's clock.

import { now } from "../live/clock.js";
import { setText } from "./dom.js";
import { moment, shortMoment } from "./format.js";

/** Writes the time of every `<time data-time="MS">` below `root`. */
export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const ms = Number(element.dataset.time);
    if (!ms) continue;
    setText(element, shortMoment(ms, now()));
    element.dateTime = new Date(ms).toISOString();
    element.title = moment(ms, now());
  }
}
