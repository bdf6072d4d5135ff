// A decoder over the HTTP API.

import { send } from "../live/http.js";

/** @typedef {{reason: string, message: string, line: number | null}} ScriptError */

/**
 * What a script made of a payload, and what of it would be stored.
 *
 * @typedef {object} Tried
 * @property {{metric: string, value: boolean | number | string, time: number | null}[]} samples
 * @property {string[]} skipped
 * @property {string[]} warnings
 * @property {ScriptError[]} errors
 * @property {string[]} console
 * @property {number} us
 */

/**
 * A test vector that was run.
 *
 * @typedef {{description: string, passed: boolean, expected: unknown, got: unknown, errors: ScriptError[]}} TriedExample
 */

/**
 * Runs a script that need not be saved. Nothing is stored.
 *
 * @param {number} id
 * @param {{script: string, bytes?: string, fPort?: number, examples?: object[]}} trial
 * @returns {Promise<{result: Tried | null, examples: TriedExample[]}>}
 */
export function tryDecoder(id, trial) {
  return send("POST", `/api/v1/decoders/${id}/try`, JSON.stringify(trial));
}

/**
 * @param {number} id
 * @param {{script: string, name: string, profile: string, f_port: number, examples: object[]}} changes
 * @returns {Promise<{name: string}>}
 */
export function changeDecoder(id, changes) {
  return send("PATCH", `/api/v1/decoders/${id}`, JSON.stringify(changes));
}
