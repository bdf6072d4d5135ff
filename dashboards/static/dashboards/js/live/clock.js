// The hub's clock: a browser whose own is wrong would draw the live tail outside of the chart.

let offsetMs = 0;

/** Takes the hub's time (milliseconds) from its welcome. */
export function setServerTime(serverMs) {
  offsetMs = serverMs - Date.now();
}

/** The present time by the hub's clock, in milliseconds. */
export function now() {
  return Date.now() + offsetMs;
}
