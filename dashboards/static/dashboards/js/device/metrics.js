// What a device's attributes say of its metrics, and how much a metric matters. Pure.

/** A record without JavaScript's own names in it: a device may call its metric `constructor`. */
export function record(entries = {}) {
  return Object.assign(Object.create(null), entries);
}

/** Unit of a metric, from the attribute `units.<metric>`. */
export function unitOf(attributes, metric) {
  return String(attributes[`units.${metric}`] ?? "");
}

/** The controls that `controls.<arg>` attributes offer; those that can't be read are left out. */
export function controlsOf(attributes) {
  return entries(attributes, "controls.").flatMap(([arg, text]) => parseControl(arg, text) ?? []);
}

/** The buttons that `commands.<name>` attributes offer. */
export function buttonsOf(attributes) {
  return entries(attributes, "commands.").flatMap(([name, text]) => {
    const [, label] = /^button\s*(.*)$/s.exec(text) ?? [];
    return label === undefined ? [] : { kind: "button", name, label: label.trim() || name };
  });
}

/** Attributes worth reading: those that aren't instructions to the page. */
export function factsOf(attributes) {
  return Object.entries(attributes).filter(([name]) => !/^(units|controls|commands)\./.test(name));
}

function entries(attributes, prefix) {
  const own = Object.entries(attributes).filter(([name]) => name.startsWith(prefix) && name.length > prefix.length);
  return own.map(([name, value]) => [name.slice(prefix.length), String(value).trim()]);
}

function parseControl(arg, text) {
  const [kind, ...rest] = text.split(/\s+/);
  if (kind === "switch") return { kind, arg };
  if (kind === "choice" && rest.length) return { kind, arg, choices: rest };
  if (kind !== "slider") return null;
  const [min, max, step = (max - min) / 100] = rest.map(Number);
  return min < max && step > 0 ? { kind, arg, min, max, step } : null;
}

const ABBREVIATIONS = /\b(rpm|voc|rssi|uv|id|ip|pm|ups|gps|cpu)\b/gi;

/** `phase.l1` and `soil_moisture` as a person would write them: `Phase L1`, `Soil moisture`. */
export function titleOf(metric) {
  const text =
    metric
      .replace(/[._]+/g, " ")
      .replace(/([a-z])([A-Z])(?![A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`)
      .trim() || metric;
  const short = text
    .replace(/\b([a-z]{1,2}\d)\b/g, (code) => code.toUpperCase())
    .replace(/\bco2\b/gi, "CO₂")
    .replace(ABBREVIATIONS, (code) => code.toUpperCase());
  return short[0].toUpperCase() + short.slice(1);
}

const HUES = [
  ["coral", /^(°c|°f|k)$/i, /temp|heat|outside|target/],
  ["amber", /^(m?w|kw|k?wh|v|m?a|hz|va|var)$/i, /power|energy|volt|current|freq|phase/],
  ["sky", /^(l|l\/min|m3\/h|bar|m?bar|k?pa|hpa|m)$/i, /flow|pressure|volume|inflow|outflow|water/],
  ["blue", /^(rpm|km\/h|m\/s)$/i, /rpm|speed|heading|limit/],
  ["violet", /^(ppm|ppb|db|dbm)$/i, /co2|voc|rssi|noise/],
  ["olive", /^(lx|lux)$/i, /light|battery|lux/],
  ["teal", /^%$/, /humid|level|moist|vent/],
];

/** The hue of a quantity, the same wherever it is shown: by its name first, for `%` says little; then by its unit. */
export function hueOf(metric, unit) {
  const name = metric.toLowerCase();
  const byName = HUES.find(([, , names]) => names.test(name));
  const byUnit = HUES.find(([, units]) => units.test(unit));
  return (byUnit && byUnit[0] !== "teal" ? byUnit : (byName ?? byUnit))?.[0] ?? "blue";
}

const POSITION = { latitude: /^(.*\.)?(latitude|lat)$/i, longitude: /^(.*\.)?(longitude|lon|lng)$/i };

/** `{latitude, longitude}`, the names of the metrics that say where the device is; `null` if there are none. */
export function positionOf(names) {
  const latitude = names.find((name) => POSITION.latitude.test(name));
  const longitude = names.find((name) => POSITION.longitude.test(name));
  return latitude && longitude ? { latitude, longitude } : null;
}

export function isPosition(name) {
  return POSITION.latitude.test(name) || POSITION.longitude.test(name);
}

const NOTABLE = [
  "level",
  "flow",
  "power",
  "speed",
  "temperature",
  "humidity",
  "pressure",
  "co2",
  "battery",
  "rpm",
  "volume",
  "light",
  "energy",
  "voltage",
  "current",
];

function rank(name, value, attributes) {
  if (isPosition(name)) return 1_000;
  const leaf = name.toLowerCase();
  const place = NOTABLE.indexOf(leaf);
  if (typeof value === "number" && place >= 0) return place;
  if (typeof value === "number") return unitOf(attributes, name) ? 100 : 200;
  if (typeof value === "boolean") return 300;
  return 400 + Math.min(value.length, 100);
}

/** Names of the metrics in `latest` (`name -> [MS, value]`), those that say most of the device first. */
export function byImportance(latest, attributes) {
  const names = Object.keys(latest);
  const ranks = new Map(names.map((name) => [name, rank(name, latest[name][1], attributes)]));
  // A metric that can be set is what was asked for; a measured one is what came of it.
  const settable = (name) => (`controls.${name}` in attributes ? 50 : 0);
  return names.sort((a, b) => ranks.get(a) + settable(a) - ranks.get(b) - settable(b) || a.localeCompare(b));
}

/** The words for true and false: what can be switched is on or off, anything else is so or not. */
export function wordsOf(attributes, metric) {
  if (metric === "on") return ["Yes", "No"];
  const switched = attributes[`controls.${metric}`] === "switch" || /(^|[._])(relay|heater|light|fan)$/i.test(metric);
  return switched ? ["On", "Off"] : ["Yes", "No"];
}
