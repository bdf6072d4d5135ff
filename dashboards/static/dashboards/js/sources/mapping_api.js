// Mappings over the HTTP API.

import { getJson, send } from "../live/http.js";

/** @typedef {{topic: string, payload?: string | null, payload_hex?: string | null}} Message */

/**
 * @typedef {object} Preset
 * @property {string} name
 * @property {string} title
 * @property {string} prefix
 * @property {string} needs what must be set in the program
 * @property {object} definition
 * @property {Message[]} examples
 */

/**
 * What would be stored of one device. Times are milliseconds; null: the time of receipt.
 *
 * @typedef {object} StoredDevice
 * @property {string} address
 * @property {string} name
 * @property {string} via
 * @property {{metric: string, value: boolean | number | string, time: number | null}[]} values
 * @property {Record<string, unknown>} attributes
 * @property {string} availability
 * @property {string[]} problems
 */

/**
 * @typedef {object} Outcome
 * @property {string} problem
 * @property {StoredDevice[]} devices
 * @property {{topic: string, payload: string}[]} publishes
 */

/** @typedef {{space: string, prefix: string, options: object}} Mapping */

/** @returns {Promise<{items: Preset[]}>} */
export function loadPresets() {
  return getJson("/api/v1/sources/presets");
}

/**
 * Stores nothing.
 *
 * @param {Mapping & {messages: Message[]}} trial
 * @returns {Promise<{prefix: string, filters: string[], publishes_on: string[], messages: Outcome[]}>}
 */
export function tryMapping(trial) {
  return send("POST", "/api/v1/sources/try", JSON.stringify({ convention: "mapping", ...trial }));
}

/**
 * The last messages of the next seconds.
 *
 * @param {{space: string, broker: string, filter: string}} wanted
 * @returns {Promise<{items: Message[]}>}
 */
export function listenAt(wanted) {
  return send("POST", "/api/v1/sources/listen", JSON.stringify(wanted));
}

/**
 * @param {Mapping & {broker: string, adopt: boolean}} mapping
 * @returns {Promise<{id: number}>}
 */
export function addMapping(mapping) {
  return send("POST", "/api/v1/sources", JSON.stringify({ convention: "mapping", ...mapping }));
}
