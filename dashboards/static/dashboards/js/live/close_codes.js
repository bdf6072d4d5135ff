// What the client does about a close code of the live connection, and how long it waits. Pure.

/** @typedef {{again: boolean, signIn?: boolean, leastMs: number}} Advice */

const QUICK = { again: true, leastMs: 0 };
const SLOW = { again: true, leastMs: 15_000 };

/** @type {Record<number, Advice>} */
const ADVICE = {
  1000: QUICK,
  1001: QUICK,
  1006: QUICK, // the network failed, or the handshake was refused
  1009: SLOW, // one of our frames was too large: the same page would send it again
  1011: SLOW,
  1012: QUICK, // the hub restarts
  4400: SLOW, // the hub could not read our frames
  4401: { again: false, signIn: true, leastMs: 0 },
  4408: QUICK, // this page read too slowly; the snapshot makes up for what it missed
  4429: SLOW,
};

/**
 * The advice for a close code. After an unknown one the client tries again.
 *
 * @param {number} code
 */
export function adviceFor(code) {
  return ADVICE[code] ?? QUICK;
}

const FIRST_MS = 500;
/** Within ten seconds after its restart, a hub has all pages back, however long it was down. */
const LONGEST_MS = 8_000;

/**
 * Milliseconds to wait before try number `attempt` (from 0): doubling, and spread over the upper half, so that the
 * viewers of a restarted hub don't all come back at the same moment.
 *
 * @param {number} attempt
 */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return ceiling / 2 + (random() * ceiling) / 2;
}
