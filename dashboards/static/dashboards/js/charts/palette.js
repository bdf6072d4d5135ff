// The colours of the theme in use, for canvases: CSS variables don't reach into them.

let colours = new Map();
const listeners = new Set();

document.addEventListener("themechange", () => {
  colours = new Map();
  for (const listener of listeners) listener();
});

/** The value of the CSS variable `--<name>`. */
export function colour(name) {
  if (!colours.has(name)) {
    colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return colours.get(name);
}

/** `#rrggbb` of the variable with an alpha from 0 to 1. */
export function tint(name, alpha) {
  return `${colour(name)}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0")}`;
}

/** The font that canvases write in. */
export function font(size) {
  return `${size}px ${colour("font")}`;
}

/** Calls `listener` when the theme changes; the returned function ends it. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
