// Drawing, at most once per animation frame however much arrives.

/** @type {Set<() => void>} */
const due = new Set();
let requested = false;

function run() {
  requested = false;
  const drawings = [...due];
  due.clear();
  for (const draw of drawings) draw();
}

/**
 * Calls `draw` in the next frame, once however often it was asked for.
 *
 * @param {() => void} draw
 */
export function inNextFrame(draw) {
  due.add(draw);
  if (requested) return;
  requested = true;
  requestAnimationFrame(run);
}

/** @type {Set<() => void>} */
const ticking = new Set();

/**
 * Calls `tick` every second while the page is visible; the returned function ends it.
 *
 * @param {() => void} tick
 */
export function everySecond(tick) {
  ticking.add(tick);
  return () => void ticking.delete(tick);
}

setInterval(() => {
  if (!document.hidden) for (const tick of ticking) inNextFrame(tick);
}, 1_000);
