// When a device was online, offline, stale or unknown. Pure.

import { span } from "../shell/format.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What stands beside a status: how long it has been so. `since` in milliseconds, 0 where nothing is known. */
export function sinceText(status, since, nowMs) {
  if (!since || status === "unknown") return ""; // since when nothing is known says nothing
  return `${status === "stale" ? "silent for" : "for"} ${span(Math.max(0, nowMs - since))}`;
}

/**
 * Changes of the HTTP API, oldest first, as spans `{status, from, to, changes}` without gaps from `start` to `end`.
 *
 * A change that stands for several, one soon after the other, ends a span in which the device was `flapping`.
 */
export function spansOf(items, start, end) {
  const spans = [];
  const add = (status, from, to, changes = 0) => {
    [from, to] = [Math.max(from, start), Math.min(to, end)];
    if (to > from) spans.push({ status, from, to, changes });
  };
  add("unknown", start, items[0]?.at ?? end);
  items.forEach(({ status, at }, i) => {
    const next = items[i + 1];
    const flaps = next?.count > 1;
    add(flaps ? "flapping" : status, at, next?.at ?? end, flaps ? next.count : 0);
  });
  return spans;
}

/** A span in milliseconds by its two largest units: `30 s`, `18 min`, `4 h 40 min`, `2 d 3 h`. */
export function duration(ms) {
  const rest = ms >= DAY_MS ? ms % DAY_MS : ms % HOUR_MS;
  const second = ms >= DAY_MS ? HOUR_MS : MINUTE_MS;
  return ms >= HOUR_MS && rest >= second ? `${span(ms)} ${span(rest)}` : span(ms);
}

/** What part of the time that is known of the device was online, 0 to 1; `null` where nothing is known. */
export function onlineShare(spans) {
  const known = spans.filter(({ status }) => status !== "unknown");
  const total = sum(known);
  return total ? sum(known.filter(({ status }) => status === "online")) / total : null;
}

function sum(spans) {
  return spans.reduce((total, { from, to }) => total + to - from, 0);
}

/** `99.9 %`; only what is all of it reads 100. */
export function percent(share) {
  return `${share === 1 ? 100 : (Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
