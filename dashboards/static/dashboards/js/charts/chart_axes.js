// The axes of charts: times, values, and the two states of flags.

import { colour, font } from "../shell/colours.js";
import { compact } from "../shell/numbers.js";
import { timeLabels } from "../shell/times.js";

/** @import uPlot from "uplot" */

/** @returns {uPlot.Axis} */
function axis() {
  return {
    stroke: () => colour("ink-3"),
    font: font(11),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
const STEPS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30].map((n) => n * DAY),
];

/** @returns {uPlot.Axis} */
export function timeAxis() {
  return {
    ...axis(),
    size: 28,
    space: 56,
    incrs: STEPS_MS,
    grid: { show: false },
    values: (_plot, times, _index, _space, step) => timeLabels(times, step),
  };
}

/** @returns {uPlot.Axis} */
export function valueAxis() {
  return {
    ...axis(),
    size: roomForLabels,
    space: 32,
    values: (_plot, values, _index, _space, step) =>
      values.map((value) => (value === null ? "" : compact(value, step))),
  };
}

/**
 * Charts below each other are aligned, unless that would cut a long label off.
 *
 * @param {uPlot} _plot
 * @param {string[] | null} labels
 */
function roomForLabels(_plot, labels) {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(48, 12 + 7 * longest);
}

/**
 * The range of values with room above and below. A level line is in the middle of it, not on its edge.
 *
 * @param {uPlot} _plot
 * @param {number | null} low
 * @param {number | null} high
 * @returns {[number, number]}
 */
export function paddedRange(_plot, low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.05 || 0.5;
  // Quantities that are never negative don't get an axis below zero.
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

/** @returns {[number, number]} */
export const flagRange = () => [-0.12, 1.2];

/** @param {string[]} words  for true and false @returns {uPlot.Axis} */
export function flagAxis([yes, no]) {
  return { ...axis(), size: 48, splits: () => [0, 1], values: () => [no, yes] };
}
