// A device over the HTTP API: its history and its settings.

import { getJson, send } from "../live/http.js";
import { RequestError } from "../live/request_error.js";

/** @import { ReadingColumns } from "../charts/series.js" */
/** @import { CommandPush } from "../live/protocol.d.ts" */
/** @import { Change } from "./availability.js" */

/**
 * Messages that were refused for the same reason.
 *
 * @typedef {object} Refusal
 * @property {number} id
 * @property {string} meaning
 * @property {string} detail
 * @property {string} kind
 * @property {string} start  of the payload
 * @property {number} size  of the payload, in bytes
 * @property {number} count
 * @property {number} first_at
 * @property {number} at
 */

const MAX_PARALLEL = 4; // a page of charts must not use all of the browser's connections to the hub

let running = 0;
/** @type {(() => void)[]} */
const waiting = [];

/** @template Result @param {() => Promise<Result>} work @returns {Promise<Result>} */
async function inTurn(work) {
  if (running >= MAX_PARALLEL) await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** @param {string} uid */
export const deviceUrl = (uid) => `/api/v1/devices/${encodeURIComponent(uid)}`;

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
  const query = new URLSearchParams({ metric, ...rounded(start, end), points: String(points) });
  return inTurn(async () =>
    signal?.aborted ? null : nullIfMissing(getJson(`${deviceUrl(uid)}/readings?${query}`, { signal })),
  );
}

/**
 * The availability of a device from `start` to `end` (milliseconds), and whether it flaps.
 *
 * @param {string} uid
 * @param {number} start
 * @param {number} end
 * @returns {Promise<{items: Change[], flapping: boolean}>}
 */
export function fetchAvailability(uid, start, end) {
  return inTurn(() => getJson(`${deviceUrl(uid)}/availability?${new URLSearchParams(rounded(start, end))}`));
}

/**
 * The last refused messages of a device, newest first.
 *
 * @param {string} uid
 * @returns {Promise<Refusal[]>}
 */
export function fetchRefusals(uid) {
  return inTurn(async () => (await getJson(`${deviceUrl(uid)}/refusals`)).items);
}

/**
 * The latest commands of a device, newest first.
 *
 * @param {string} uid
 * @returns {Promise<CommandPush[]>}
 */
export function fetchCommands(uid) {
  return inTurn(async () => (await getJson(`${deviceUrl(uid)}/commands`)).items);
}

/**
 * Changes fields of a device and resolves with the device as it is then.
 *
 * @param {string} uid
 * @param {object} changes
 */
export function changeDevice(uid, changes) {
  return send("PATCH", deviceUrl(uid), JSON.stringify(changes));
}

/** @param {number} start @param {number} end */
const rounded = (start, end) => ({ start: String(Math.floor(start)), end: String(Math.ceil(end)) });

/** @param {Promise<any>} answer */
async function nullIfMissing(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RequestError && error.code === "not_found") return null;
    throw error;
  }
}
