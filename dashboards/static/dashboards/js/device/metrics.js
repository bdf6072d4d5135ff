// The metrics of a device: their names, their order of importance, and which of them are a position. Pure.

import { unitOf } from "./attributes.js";

/** @import { PositionMetrics } from "../charts/positions.js" */
/** @import { Aliases, Attributes, Latest, Value } from "../live/protocol.d.ts" */

const POSITION = { latitude: /^(.*\.)?(latitude|lat)$/i, longitude: /^(.*\.)?(longitude|lon|lng)$/i };

/** The name of the metric that the device sends as `sent`. @param {Aliases} aliases @param {string} sent */
export function nameOf(aliases, sent) {
  return Object.hasOwn(aliases, sent) ? aliases[sent] : sent;
}

/**
 * The metrics that give the position of the device; `null` if there are none.
 *
 * @param {string[]} names
 * @returns {PositionMetrics | null}
 */
export function positionOf(names) {
  const latitude = names.find((name) => POSITION.latitude.test(name));
  const longitude = names.find((name) => POSITION.longitude.test(name));
  return latitude && longitude ? { latitude, longitude } : null;
}

/** @param {string} name */
export function isPosition(name) {
  return POSITION.latitude.test(name) || POSITION.longitude.test(name);
}

// The most informative first.
const NOTABLE =
  "level flow power speed temperature humidity pressure co2 battery rpm volume light energy voltage current".split(" ");

/** The lower, the more important. @param {string} name @param {Value} value @param {Attributes} attributes */
function rankOf(name, value, attributes) {
  if (isPosition(name)) return 1_000;
  const place = NOTABLE.indexOf(name.toLowerCase());
  if (typeof value === "number" && place >= 0) return place;
  if (typeof value === "number") return unitOf(attributes, name) ? 100 : 200;
  if (typeof value === "boolean") return 300;
  return 400 + Math.min(value.length, 100);
}

/**
 * The names of the metrics, most informative first.
 *
 * @param {Latest} latest
 * @param {Attributes} attributes
 */
export function byImportance(latest, attributes) {
  const names = Object.keys(latest);
  // A metric that can be set shows what somebody asked for; a measured one shows the result.
  const penalty = (/** @type {string} */ name) => (`controls.${name}` in attributes ? 50 : 0);
  const ranks = new Map(names.map((name) => [name, rankOf(name, latest[name][1], attributes) + penalty(name)]));
  const rank = (/** @type {string} */ name) => ranks.get(name) ?? 0;
  return names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}
