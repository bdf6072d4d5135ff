// Readings over the HTTP API.

import { deviceUrl, roundedSpan } from "../live/device_url.js";
import { getJson } from "../live/http.js";
import { RequestError } from "../live/request_error.js";
import { withinLimit } from "../live/request_limit.js";

/** @import { ReadingColumns } from "./series.js" */

/**
 * Columns of `metric` from `start` to `end` (milliseconds), about `points` of them; `null` if no device has sent the
 * metric yet.
 *
 * @param {string} uid
 * @param {string} metric
 * @param {{start: number, end: number, points: number, signal?: AbortSignal}} window
 * @returns {Promise<ReadingColumns | null>}
 */
export function fetchReadings(uid, metric, { start, end, points, signal }) {
  const query = new URLSearchParams({ metric, ...roundedSpan(start, end), points: String(points) });
  return withinLimit(async () =>
    signal?.aborted ? null : nullIfMissing(getJson(`${deviceUrl(uid)}/readings?${query}`, { signal })),
  );
}

/** @param {Promise<any>} answer */
async function nullIfMissing(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RequestError && error.code === "not_found") return null;
    throw error;
  }
}
