// What a close code of the live connection means to the client. Pure.

const QUICK = { again: true, leastMs: 0 };
const SLOW = { again: true, leastMs: 15_000 };

const ADVICE = {
  1000: QUICK,
  1001: QUICK,
  1006: QUICK, // the network, or a handshake that was refused
  1009: SLOW, // a frame of ours was too large: the same page would send it again
  1011: SLOW,
  1012: QUICK, // restart
  4400: SLOW, // the hub could not read us
  4401: { again: false, signIn: true, leastMs: 0 },
  4408: QUICK, // we took too long to read; the snapshot makes up for what was missed
  4429: SLOW,
};

/** `{again, signIn?, leastMs}` for a close code; an unknown one is tried again. */
export function adviceFor(code) {
  return ADVICE[code] ?? QUICK;
}

const FIRST_MS = 500;
/** A hub that is up again has its pages back within ten seconds, whatever it took. */
const LONGEST_MS = 8_000;

/**
 * Milliseconds to wait before try number `attempt` (from 0): doubling, and spread over the upper half, so that the
 * viewers of a restarted hub don't all come back in the same instant.
 */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return ceiling / 2 + (random() * ceiling) / 2;
}
