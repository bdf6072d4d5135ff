// Whether an element is on the screen.

/** @typedef {(isVisible: boolean) => void} VisibilityListener */

/** @type {WeakMap<Element, VisibilityListener>} */
const listeners = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
  },
  { rootMargin: "200px 0px" },
);

/**
 * Calls `changed` as `element` comes near the screen and leaves it; the returned function ends it.
 *
 * @param {Element} element
 * @param {VisibilityListener} changed
 */
export function whileVisible(element, changed) {
  listeners.set(element, changed);
  observer.observe(element);
  return () => {
    listeners.delete(element);
    observer.unobserve(element);
  };
}

/** The shares of an element's height at which the browser reports it. */
const TWENTIETHS = Array.from({ length: 21 }, (_, part) => part / 20);

/**
 * Calls `changed` as enough of `element` comes into view to be read, and leaves it: half of the element, or of the
 * screen if that is smaller. The returned function ends it.
 *
 * @param {Element} element
 * @param {VisibilityListener} changed
 */
export function whileReadable(element, changed) {
  const look = (/** @type {IntersectionObserverEntry[]} */ entries) => {
    const { intersectionRect, boundingClientRect, rootBounds } = entries[entries.length - 1];
    const whole = Math.min(boundingClientRect.height, rootBounds?.height ?? Infinity);
    changed(whole > 0 && intersectionRect.height >= whole / 2);
  };
  const readable = new IntersectionObserver(look, { threshold: TWENTIETHS });
  readable.observe(element);
  return () => readable.disconnect();
}
