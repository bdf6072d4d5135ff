// What the page of a dashboard expects of every widget.

/** @import { Aliases, Attributes, Latest, PointsByMetric, Value } from "../live/protocol.d.ts" */
/** @import { Outcome } from "../device/command_sender.js" */

/**
 * @typedef {object} WidgetSpec
 * @property {number} id
 * @property {string} kind
 * @property {string} device
 * @property {string[]} metrics
 * @property {string} title
 * @property {{minutes?: number, hues?: string[], min?: number, max?: number}} options
 */
/**
 * @typedef {object} WidgetDevice
 * @property {Attributes} attributes
 * @property {Aliases} aliases
 * @property {Latest} latest
 * @property {(uid: string, name: string, args: Record<string, unknown>) => Promise<Outcome>} send
 * @property {string} disabled  why this person may not command the device, or ""
 */
/**
 * @typedef {object} Widget
 * @property {HTMLElement} element
 * @property {(metric: string, value: Value) => void} setValue  shows the newest value
 * @property {(points: PointsByMetric) => void} add  adds live telemetry
 * @property {() => void} reload  loads the history again; called whenever the page has been subscribed
 */

const MINUTES = 10;

/**
 * The window that a widget shows, in milliseconds.
 *
 * @param {WidgetSpec["options"]} options
 */
export const windowOf = ({ minutes = MINUTES }) => minutes * 60_000;
