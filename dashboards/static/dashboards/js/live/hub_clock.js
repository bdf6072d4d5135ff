// The hub's clock. With a wrong clock of its own, a browser would draw live points outside the chart.

let offsetMs = 0;

/**
 * Sets the clock by the hub's time in milliseconds.
 *
 * @param {number} serverMs
 */
export function setServerTime(serverMs) {
  offsetMs = serverMs - Date.now();
}

/** The present time by the hub's clock, in milliseconds. */
export function now() {
  return Date.now() + offsetMs;
}
