// The metrics of a device: their titles, their order of importance, and which of them are a position. Pure.

import { unitOf } from "./attributes.js";

/** @import { Attributes, Latest, Value } from "../live/protocol.d.ts" */

/** @typedef {{latitude: string, longitude: string}} PositionMetrics  names of metrics */

const ABBREVIATIONS = /\b(rpm|voc|rssi|uv|id|ip|pm|ups|gps|cpu)\b/gi;

/**
 * `phase.l1` and `soil_moisture` as a person would write them: `Phase L1`, `Soil moisture`.
 *
 * @param {string} metric
 */
export function titleOf(metric) {
  const words = metric.replace(/[._]+/g, " ");
  const text = words.replace(/([a-z])([A-Z])(?![A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`).trim() || metric;
  const short = text
    .replace(/\b([a-z]{1,2}\d)\b/g, (code) => code.toUpperCase())
    .replace(/\bco2\b/gi, "CO₂")
    .replace(ABBREVIATIONS, (code) => code.toUpperCase());
  return short[0].toUpperCase() + short.slice(1);
}

const POSITION = { latitude: /^(.*\.)?(latitude|lat)$/i, longitude: /^(.*\.)?(longitude|lon|lng)$/i };

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
