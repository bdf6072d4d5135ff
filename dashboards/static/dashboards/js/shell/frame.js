// Drawing, at most once per animation frame however much arrives.

const due = new Set();
let asked = false;

function run() {
  asked = false;
  const now = [...due];
  due.clear();
  for (const draw of now) draw();
}

/** Calls `draw` in the next frame; asked for twice before that, it is still called once. */
export function inNextFrame(draw) {
  due.add(draw);
  if (asked) return;
  asked = true;
  requestAnimationFrame(run);
}

const ticking = new Set();

/** Calls `tick` every second while the page is visible; the returned function ends it. */
export function everySecond(tick) {
  ticking.add(tick);
  return () => ticking.delete(tick);
}

setInterval(() => {
  if (!document.hidden) for (const tick of ticking) inNextFrame(tick);
}, 1_000);

/** Calls `seen(true | false)` as `element` comes near the screen and leaves it; the returned function ends it. */
export function whileVisible(element, seen) {
  watched.set(element, seen);
  observer.observe(element);
  return () => {
    watched.delete(element);
    observer.unobserve(element);
  };
}

const watched = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) watched.get(target)?.(isIntersecting);
  },
  { rootMargin: "200px 0px" },
);

/** Of an element, at which it is looked at again. */
const TWENTIETHS = Array.from({ length: 21 }, (_, part) => part / 20);

/**
 * Calls `seen(true | false)` as enough of `element` comes into sight to be read, and leaves it: half of it, or of a
 * screen that is smaller. The returned function ends it.
 */
export function whileInSight(element, seen) {
  const look = (entries) => {
    const { intersectionRect, boundingClientRect, rootBounds } = entries.at(-1);
    const whole = Math.min(boundingClientRect.height, rootBounds?.height ?? Infinity);
    seen(whole > 0 && intersectionRect.height >= whole / 2);
  };
  const eye = new IntersectionObserver(look, { threshold: TWENTIETHS });
  eye.observe(element);
  return () => eye.disconnect();
}

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
