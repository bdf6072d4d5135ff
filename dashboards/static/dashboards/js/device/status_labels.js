// The words for every status: of a device, of a command, and of what became of a command.

import { setText } from "../shell/dom.js";
import { brief } from "../shell/numbers.js";

/** @import { CommandStatus } from "../live/protocol.d.ts" */
/** @import { Outcome } from "./command_sender.js" */

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
 */
export function setAvailability(element, status) {
  element.dataset.status = status;
  setText(element, AVAILABILITY[status] ?? status);
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
 */
export function availabilityChange(status) {
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
  unknown: "",
};

const FINAL = new Set(["succeeded", "failed", "timed_out"]);

/** Whether a command has ended: its status never changes again. @param {string | undefined} status */
export function isFinal(status) {
  return status !== undefined && FINAL.has(status);
}

/**
 * The status of a command in one or two words. `open` is a command in a room whose answer is still awaited, `unknown`
 * one that never got an answer.
 *
 * @param {CommandStatus | "open" | "unknown"} status
 */
export function commandLabel(status) {
  return COMMANDS[status] ?? status;
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
  return brief(error);
}
