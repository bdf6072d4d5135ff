// The history of a device's availability. Pure.

import { span } from "../shell/times.js";

/**
 * A change as the HTTP API sends it. `count` is above 1 if it stands for several changes in quick succession.
 *
 * @typedef {{status: string, at: number, count?: number}} Change
 * @typedef {{status: string, from: number, to: number, changes: number}} StatusSpan
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * How long a device has had its status, as the page shows it beside the status.
 *
 * @param {string} status
 * @param {number} since  in milliseconds, 0 if that is unknown
 * @param {number} nowMs
 */
export function sinceText(status, since, nowMs) {
  if (!since || status === "unknown") return "";
  return `${status === "stale" ? "silent for" : "for"} ${span(Math.max(0, nowMs - since))}`;
}

/**
 * Changes, oldest first, as spans without gaps from `start` to `end`. A change that stands for several ends a span in
 * which the device was `flapping`.
 *
 * @param {Change[]} items
 * @param {number} start
 * @param {number} end
 */
export function statusSpans(items, start, end) {
  /** @type {StatusSpan[]} */
  const spans = [];
  const add = (/** @type {string} */ status, /** @type {number} */ first, /** @type {number} */ last, changes = 0) => {
    const [from, to] = [Math.max(first, start), Math.min(last, end)];
    if (to > from) spans.push({ status, from, to, changes });
  };
  add("unknown", start, items[0]?.at ?? end);
  for (const [i, { status, at }] of items.entries()) {
    const next = items[i + 1];
    const count = next?.count ?? 1;
    if (count > 1) add("flapping", at, next.at, count);
    else add(status, at, next?.at ?? end);
  }
  return spans;
}

/**
 * A span in milliseconds in its two largest units: `30 s`, `18 min`, `4 h 40 min`, `2 d 3 h`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const rest = ms >= DAY_MS ? ms % DAY_MS : ms % HOUR_MS;
  const second = ms >= DAY_MS ? HOUR_MS : MINUTE_MS;
  return ms >= HOUR_MS && rest >= second ? `${span(ms)} ${span(rest)}` : span(ms);
}

/**
 * The share of the known time in which the device was online, 0 to 1; `null` if nothing is known.
 *
 * @param {StatusSpan[]} spans
 */
export function onlineShare(spans) {
  const known = spans.filter(({ status }) => status !== "unknown");
  const total = sum(known);
  return total ? sum(known.filter(({ status }) => status === "online")) / total : null;
}

/** @param {StatusSpan[]} spans */
function sum(spans) {
  return spans.reduce((total, { from, to }) => total + to - from, 0);
}

/**
 * `99.9 %`; only a share of 1 reads 100 %.
 *
 * @param {number} share
 */
export function percent(share) {
  return `${share === 1 ? 100 : (Math.floor(share * 1000) / 10).toFixed(1)} %`;
}
