// The positions of a device, joined from its latitudes and longitudes. Pure.

/** @import { Drawable } from "./series.js" */

/** @typedef {{latitude: string, longitude: string}} PositionMetrics  names of metrics */
/** @typedef {[ms: number, latitude: number, longitude: number]} Position */

/** A latitude and a longitude further apart than this belong to two positions. */
const APART_MS = 2_000;

/**
 * The positions of two lines whose points pair up by time, `null` where the track breaks.
 *
 * @param {Drawable} latitudeLine
 * @param {Drawable} longitudeLine
 */
export function joinPositions([latTimes, latitudes], [lonTimes, longitudes]) {
  /** @type {(Position | null)[]} */
  const joined = [];
  let j = 0;
  for (const [i, latitude] of latitudes.entries()) {
    if (latitude === null) {
      joined.push(null);
      continue;
    }
    const distance = (/** @type {number} */ at) => Math.abs(lonTimes[at] - latTimes[i]);
    while (j + 1 < lonTimes.length && distance(j + 1) <= distance(j)) j++;
    const longitude = longitudes[j] ?? null;
    if (longitude !== null && distance(j) <= APART_MS) joined.push([latTimes[i], latitude, longitude]);
  }
  return joined;
}
