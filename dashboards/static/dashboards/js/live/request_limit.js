// Limits how many requests of a page run at the same time.

const MAX_PARALLEL = 4; // a page of charts must not use all of the browser's connections to the hub

let running = 0;
/** @type {(() => void)[]} */
const waiting = [];

/**
 * Resolves with the result of `work`, which begins once fewer than `MAX_PARALLEL` others are running.
 *
 * @template Result
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function withinLimit(work) {
  if (running < MAX_PARALLEL) running++;
  else await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next)
      next(); // it has the place from now on, although it runs a moment later
    else running--;
  }
}
