// The words for every status: of a device, of a command, and of what became of a command.

import { setText } from "../shell/dom.js";
import { brief } from "../shell/numbers.js";

/** @import { CommandStatus } from "../live/protocol.d.ts" */
/** @import { Outcome } from "./command_sender.js" */

/** @typedef {{status: CommandStatus | "open" | "unknown", late?: boolean, error?: string}} CommandEnd */

/** @type {Record<string, string>} */
const AVAILABILITY = {
  online: "Online",
  offline: "Offline",
  stale: "Stale",
  unknown: "Unknown",
  flapping: "Flapping",
};

/**
 * Shows an availability as dot and word.
 *
 * @param {HTMLElement} element
 * @param {string} status
 * @param {string} [via]  the gateway because of which the device cannot be reached
 */
export function setAvailability(element, status, via = "") {
  element.dataset.status = status;
  setText(element, via ? `Unreachable: ${via} is offline` : (AVAILABILITY[status] ?? status));
}

/** @type {Record<string, string>} */
const AVAILABILITY_CHANGES = {
  online: "is online",
  offline: "is offline",
  stale: "has gone silent",
  unknown: "has an unknown status",
};

/**
 * The predicate of a sentence about a device: `is online`.
 *
 * @param {string} status
 * @param {string} [via]  the gateway because of which the device cannot be reached
 */
export function availabilityChange(status, via = "") {
  if (via) return `cannot be reached: ${via} is offline`;
  return AVAILABILITY_CHANGES[status] ?? `is ${status}`;
}

/** @type {Record<string, string>} */
const COMMANDS = {
  open: "Waiting",
  queued: "Queued",
  sent: "Sent",
  succeeded: "Done",
  failed: "Refused",
  timed_out: "No answer",
  unconfirmed: "Sent, not confirmed",
  unknown: "",
};

const FINAL = new Set(["succeeded", "failed", "timed_out", "unconfirmed"]);

/** Whether a command has ended: its status never changes again. @param {string | undefined} status */
export function isFinal(status) {
  return status !== undefined && FINAL.has(status);
}

/**
 * The status of a command in a few words. `open` is a command in a room whose answer is still awaited, `unknown` one
 * that never got an answer.
 *
 * @param {CommandEnd} command
 */
export function commandLabel(command) {
  if (command.late) return `${COMMANDS[toneOf(command)]}, but late`;
  return COMMANDS[command.status] ?? command.status;
}

/**
 * The status whose colour the command has: a late answer counts for what it says.
 *
 * @param {CommandEnd} command
 */
export function toneOf({ status, late, error }) {
  if (!late) return status;
  return error ? "failed" : "succeeded";
}

/**
 * What became of a command that was sent from a control.
 *
 * @param {Outcome} outcome
 */
export function outcomeText({ status, error }) {
  if (status === "succeeded") return "Done";
  if (status === "failed") return `Refused: ${error || "the device gave no reason"}`;
  if (status === "timed_out") return "No answer in time";
  if (status === "unconfirmed") return COMMANDS.unconfirmed;
  return brief(error);
}
