// Positions as pixels, north up and true to scale. Pure.

/** @import { Position } from "./positions.js" */

/** @typedef {{pixelsPerMetre: number, project: (position: Position) => [x: number, y: number]}} Projection */

const METRES_PER_DEGREE = 111_320;
const MARGIN = 32;
const SMALLEST_M = 40; // a parked device is a dot, not the enlarged noise of its receiver
const GRID_STEPS = [1, 2, 5];
const GRID_PIXELS = 80;

/** @param {number[]} values @returns {[low: number, high: number]} */
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/**
 * Fits the track into a canvas. Over a few hundred kilometres the flat picture is accurate enough.
 *
 * @param {Position[]} positions
 * @param {number} width
 * @param {number} height
 * @returns {Projection}
 */
export function fit(positions, width, height) {
  const [south, north] = extent(positions.map(([, latitude]) => latitude));
  const [west, east] = extent(positions.map(([, , longitude]) => longitude));
  const middle = [(south + north) / 2, (west + east) / 2];
  const shrink = Math.max(0.01, Math.cos((middle[0] * Math.PI) / 180));
  const [perLatitude, perLongitude] = [METRES_PER_DEGREE, METRES_PER_DEGREE * shrink];
  const metresHigh = Math.max(SMALLEST_M, (north - south) * perLatitude);
  const metresWide = Math.max(SMALLEST_M, (east - west) * perLongitude);
  const pixelsPerMetre = Math.min((height - 2 * MARGIN) / metresHigh, (width - 2 * MARGIN) / metresWide);
  return {
    pixelsPerMetre,
    project: ([, latitude, longitude]) => [
      width / 2 + (longitude - middle[1]) * perLongitude * pixelsPerMetre,
      height / 2 - (latitude - middle[0]) * perLatitude * pixelsPerMetre,
    ],
  };
}

/**
 * Metres between the lines of the grid: 1, 2 or 5 times a power of ten, about 80 pixels.
 *
 * @param {Projection} projection
 */
export function gridMetres({ pixelsPerMetre }) {
  const wanted = GRID_PIXELS / pixelsPerMetre;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * (GRID_STEPS.find((step) => step * power >= wanted) ?? 10);
}
