// Colours: the hues of quantities and people, and the theme's colours for canvases, which can't use CSS variables.

/** The hues of the style sheets, as `hue-<name>`. */
export const HUES = ["blue", "coral", "teal", "amber", "violet", "sky", "olive"];

/** @type {[hue: string, units: RegExp, names: RegExp][]} */
const QUANTITIES = [
  ["coral", /^(°c|°f|k)$/i, /temp|heat|outside|target/],
  ["amber", /^(m?w|kw|k?wh|v|m?a|hz|va|var)$/i, /power|energy|volt|current|freq|phase/],
  ["sky", /^(l|l\/min|m3\/h|bar|m?bar|k?pa|hpa|m)$/i, /flow|pressure|volume|inflow|outflow|water/],
  ["blue", /^(rpm|km\/h|m\/s)$/i, /rpm|speed|heading|limit/],
  ["violet", /^(ppm|ppb|db|dbm)$/i, /co2|voc|rssi|noise/],
  ["olive", /^(lx|lux)$/i, /light|battery|lux/],
  ["teal", /^%$/, /humid|level|moist|vent/],
];

/**
 * The hue of a metric, the same on every page: by its unit, or by its name if the unit is `%`, which may mean anything.
 *
 * @param {string} metric
 * @param {string} unit
 */
export function hueOfMetric(metric, unit) {
  const name = metric.toLowerCase();
  const byName = QUANTITIES.find(([, , names]) => names.test(name));
  const byUnit = QUANTITIES.find(([, units]) => units.test(unit));
  return (byUnit && byUnit[0] !== "teal" ? byUnit : (byName ?? byUnit))?.[0] ?? "blue";
}

/**
 * The hue of a person or a device that posts, the same on every page.
 *
 * @param {string} name
 */
export function hueOfAuthor(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + Number(character.codePointAt(0))) % 9_973;
  return HUES[sum % HUES.length];
}

/** @type {Map<string, string> | null} by name of the CSS variable; null until a canvas needs one */
let themeColours = null;
/** @type {Set<() => void>} */
const listeners = new Set();

function handleThemeChange() {
  themeColours?.clear();
  for (const listener of listeners) listener();
}

function currentColours() {
  if (!themeColours) document.addEventListener("themechange", handleThemeChange);
  themeColours ??= new Map();
  return themeColours;
}

/**
 * The value of the CSS variable `--<name>` in the current theme.
 *
 * @param {string} name
 */
export function colour(name) {
  const known = currentColours();
  const value = known.get(name) ?? getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  known.set(name, value);
  return value;
}

/**
 * The colour of a variable that holds `#rrggbb`, with an alpha from 0 to 1.
 *
 * @param {string} name
 * @param {number} alpha
 */
export function tint(name, alpha) {
  const hex = Math.round(alpha * 255).toString(16);
  return `${colour(name)}${hex.padStart(2, "0")}`;
}

/**
 * The font of text on canvases.
 *
 * @param {number} size  in pixels
 */
export function font(size) {
  return `${size}px ${colour("font")}`;
}

/**
 * Calls `listener` when the theme changes; the returned function ends it.
 *
 * @param {() => void} listener
 */
export function onThemeChange(listener) {
  currentColours();
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
