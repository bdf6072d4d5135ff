// Numbers, units and times as text. Pure.

const GROUPED = new Map();

function grouped(number, decimals) {
  if (!GROUPED.has(decimals)) {
    const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    GROUPED.set(decimals, new Intl.NumberFormat("en-GB", options));
  }
  return GROUPED.get(decimals).format(number).replace("-", "−");
}

/** How many decimals are worth showing: enough for four digits, but no more than were ever sent. */
function worthwhile(number, most) {
  const size = Math.abs(number);
  if (size >= 10_000) return 0;
  if (size >= 1_000) return Math.min(most, 1);
  if (size >= 100) return Math.min(most, 1);
  if (size >= 1) return Math.min(most, 2);
  return Math.min(most, size >= 0.1 ? 3 : 4);
}

function decimalsOf(number) {
  const text = String(Math.abs(number));
  const point = text.indexOf(".");
  return point < 0 || text.includes("e") ? 0 : text.length - point - 1;
}

/**
 * Formats the numbers of one metric alike: once it has shown a decimal, whole numbers keep the zero, so that the
 * figure doesn't jump about.
 */
export class NumberFormat {
  #decimals = 0;

  format(number) {
    if (!Number.isFinite(number)) return "–";
    if (extreme(number)) return exponential(number);
    this.#decimals = Math.max(this.#decimals, Math.min(4, decimalsOf(number)));
    return this.formatMean(number);
  }

  /** The same for what the hub has calculated: a mean has decimals that the device never sent. */
  formatMean(number) {
    return extreme(number) ? exponential(number) : grouped(number, worthwhile(number, this.#decimals));
  }
}

function extreme(number) {
  const size = Math.abs(number);
  return size >= 1e12 || (size > 0 && size < 1e-4);
}

function exponential(number) {
  const [digits, power] = number.toExponential(2).split("e");
  return `${digits.replace("-", "−")} × 10${superscript(Number(power))}`;
}

function superscript(number) {
  return String(number).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}

const PREFIXES = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * A short form for axes: 4000, 12k, 3.4M; 1.2e−9 where no prefix is commonly read. Where ticks are `step` apart, it
 * has the digits that tell one from the next.
 */
export function compact(number, step = 0) {
  const size = Math.abs(number);
  if (size >= 1e21 || (size > 0 && size < 1e-3)) return number.toExponential(1).replaceAll("-", "−").replace("+", "");
  const [scale, prefix] = (size >= 1e4 && PREFIXES.find(([limit]) => size >= limit)) || [1, ""];
  const told = size && step ? Math.floor(Math.log10(size)) - Math.floor(Math.log10(step)) + 2 : 0;
  return `${trimmed(number / scale, Math.min(8, Math.max(4, told)))}${prefix}`;
}

function trimmed(number, digits) {
  return String(Number(number.toPrecision(digits))).replace("-", "−");
}

/** Any value as text; `words` are those for true and false. */
export function formatValue(value, numbers, words = ["Yes", "No"]) {
  if (typeof value === "boolean") return value ? words[0] : words[1];
  if (typeof value === "number") return numbers.format(value);
  return value === "" ? "“”" : String(value ?? "–");
}

const UNITS = [
  ["y", 31_557_600_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** The largest whole unit of a span in milliseconds: `4 s`, `3 min`, `2 h`, `5 d`, `1 y`. */
export function span(ms) {
  for (const [unit, size] of UNITS) if (ms >= size) return `${Math.floor(ms / size)} ${unit}`;
  return "0 s";
}

/** How old something is: `now` within two seconds, else `4 s`. */
export function age(thenMs, nowMs) {
  const passed = nowMs - thenMs;
  return passed < 2_000 ? "now" : span(passed);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A moment by the reader's clock: `14:03:22`, with the day in front where it isn't today. */
export function moment(ms, nowMs) {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? CLOCK.format(ms) : `${day}, ${CLOCK.format(ms)}`;
}

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const WEEK_MS = 7 * 86_400_000;

/** A moment as short as it is told apart by: `14:03` today, `Tue` within the last days, `3 Nov`, `3 Nov 2025`. */
export function shortMoment(ms, nowMs) {
  if (DAY.format(ms) === DAY.format(nowMs) && nowMs - ms < WEEK_MS) return CLOCK.format(ms).slice(0, 5);
  if (nowMs - ms < WEEK_MS - 86_400_000) return WEEKDAY.format(ms);
  return new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? DAY.format(ms) : YEAR.format(ms);
}

/** Labels of a time axis whose ticks are `stepMs` apart: seconds only where they matter, the day where it changes. */
export function timeLabels(times, stepMs) {
  let shown = null;
  return times.map((ms) => {
    const clock = CLOCK.format(ms).slice(0, stepMs < 60_000 ? 8 : 5);
    const day = DAY.format(ms);
    if (stepMs >= 86_400_000) return day;
    const turned = shown !== null && shown !== day;
    shown = day;
    return turned ? day : clock;
  });
}

/** JSON or text in one line, for results and arguments. */
export function brief(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
