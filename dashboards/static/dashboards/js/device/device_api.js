// A device over the HTTP API: what has happened to it, and its settings.

import { csrfHeaders } from "../live/csrf.js";
import { deviceUrl, roundedSpan } from "../live/device_url.js";
import { getJson, request, send } from "../live/http.js";
import { withinLimit } from "../live/request_limit.js";

/** @import { CommandPush } from "../live/protocol.d.ts" */
/** @import { Change } from "./availability.js" */
/** @import { Unstored } from "./unstored.js" */

/**
 * Messages that were refused for the same reason.
 *
 * @typedef {object} Refusal
 * @property {number} id
 * @property {string} meaning
 * @property {string} key  of the value, or the topic; "" for a whole message
 * @property {string} detail
 * @property {string} kind
 * @property {string} start  of the payload
 * @property {number} size  of the payload, in bytes
 * @property {number} count
 * @property {number} first_at
 * @property {number} at
 */

/**
 * A metric with its settings; `aliases` are earlier names under which the device may send it.
 *
 * @typedef {{name: string, read_as: "number" | "boolean" | null, ignored: boolean, aliases: string[]}} MetricFacts
 */

/**
 * The availability of a device from `start` to `end` (milliseconds), and whether it flaps.
 *
 * @param {string} uid
 * @param {number} start
 * @param {number} end
 * @returns {Promise<{items: Change[], flapping: boolean}>}
 */
export function fetchAvailability(uid, start, end) {
  return withinLimit(() => getJson(`${deviceUrl(uid)}/availability?${new URLSearchParams(roundedSpan(start, end))}`));
}

/**
 * The last refused messages of a device, newest first, and the newest of them if nothing it sends is stored.
 *
 * @param {string} uid
 * @returns {Promise<{items: Refusal[], unstored: Unstored | null}>}
 */
export function fetchRefusals(uid) {
  return withinLimit(() => getJson(`${deviceUrl(uid)}/refusals`));
}

/**
 * The metrics of a device with their settings, by name.
 *
 * @param {string} uid
 * @returns {Promise<MetricFacts[]>}
 */
export function fetchMetrics(uid) {
  return withinLimit(async () => (await getJson(`${deviceUrl(uid)}/metrics`)).items);
}

/**
 * Changes settings of a metric and resolves with the metric as it is then.
 *
 * @param {string} uid
 * @param {string} metric
 * @param {object} changes
 * @returns {Promise<MetricFacts>}
 */
export function changeMetric(uid, metric, changes) {
  return send("PATCH", metricUrl(uid, metric), JSON.stringify(changes));
}

/** Deletes a metric with its history. @param {string} uid @param {string} metric */
export async function deleteMetric(uid, metric) {
  await request(metricUrl(uid, metric), { method: "DELETE", headers: csrfHeaders() });
}

/** @param {string} uid @param {string} metric */
const metricUrl = (uid, metric) => `${deviceUrl(uid)}/metrics?${new URLSearchParams({ metric })}`;

/**
 * The latest commands of a device, newest first.
 *
 * @param {string} uid
 * @returns {Promise<CommandPush[]>}
 */
export function fetchCommands(uid) {
  return withinLimit(async () => (await getJson(`${deviceUrl(uid)}/commands`)).items);
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
