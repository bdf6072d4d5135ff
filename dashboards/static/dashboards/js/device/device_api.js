// A device over the HTTP API: what has happened to it, and its settings.

import { deviceUrl, roundedSpan } from "../live/device_url.js";
import { getJson, send } from "../live/http.js";
import { withinLimit } from "../live/request_limit.js";

/** @import { CommandPush } from "../live/protocol.d.ts" */
/** @import { Change } from "./availability.js" */

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
 * The last refused messages of a device, newest first.
 *
 * @param {string} uid
 * @returns {Promise<Refusal[]>}
 */
export function fetchRefusals(uid) {
  return withinLimit(async () => (await getJson(`${deviceUrl(uid)}/refusals`)).items);
}

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
