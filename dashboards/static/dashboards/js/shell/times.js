// Times and spans of time as text, by the reader's clock. Pure.

/** @type {[unit: string, ms: number][]} */
const UNITS = [
  ["y", 31_557_600_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/**
 * The largest whole unit of a span in milliseconds: `4 s`, `3 min`, `2 h`, `5 d`, `1 y`.
 *
 * @param {number} ms
 */
export function span(ms) {
  for (const [unit, size] of UNITS) if (ms >= size) return `${Math.floor(ms / size)} ${unit}`;
  return "0 s";
}

/** @type {[unit: string, ms: number][]} */
const LONG_UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** A moment after it has begun, a week is still called seven days. */
const NEARLY = 0.98;

/**
 * How long something still goes on, about: `2 hours left`, `less than a minute left`.
 *
 * @param {number} ms
 */
export function timeLeft(ms) {
  for (const [unit, size] of LONG_UNITS) {
    const count = Math.round(ms / size);
    if (ms > NEARLY * size) return `${count} ${unit}${count > 1 ? "s" : ""} left`;
  }
  return "less than a minute left";
}

/**
 * How old something is: `now` within two seconds, else `4 s`.
 *
 * @param {number} thenMs
 * @param {number} nowMs
 */
export function age(thenMs, nowMs) {
  const passed = nowMs - thenMs;
  return passed < 2_000 ? "now" : span(passed);
}

const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTES = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const LONG_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const LONG_DAY_AND_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const HALF_A_YEAR_MS = 182 * DAY_MS;

/** `14:03`. @param {number} ms */
export const timeOfDay = (ms) => MINUTES.format(ms);

/** `Wednesday, 25 November 2026 at 14:03:22`. @param {number} ms */
export const fullTime = (ms) => FULL.format(ms);

/**
 * A moment: `14:03:22`, with the day in front if it isn't today.
 *
 * @param {number} ms
 * @param {number} nowMs
 */
export function moment(ms, nowMs) {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? SECONDS.format(ms) : `${day}, ${SECONDS.format(ms)}`;
}

/**
 * A moment as short as it is unambiguous: `14:03` today, `Tue` within the last days, `3 Nov`, `3 Nov 2025`.
 *
 * @param {number} ms
 * @param {number} nowMs
 */
export function shortMoment(ms, nowMs) {
  if (DAY.format(ms) === DAY.format(nowMs) && nowMs - ms < WEEK_MS) return MINUTES.format(ms);
  if (nowMs - ms < WEEK_MS - DAY_MS) return WEEKDAY.format(ms);
  return new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? DAY.format(ms) : DAY_AND_YEAR.format(ms);
}

/**
 * `Today`, `Yesterday`, `Monday 23 November`, and with the year if it was long ago.
 *
 * @param {number} ms
 * @param {number} nowMs
 */
export function dayName(ms, nowMs) {
  const midnight = new Date(nowMs).setHours(0, 0, 0, 0);
  if (ms >= midnight) return "Today";
  if (ms >= new Date(midnight).setDate(new Date(midnight).getDate() - 1)) return "Yesterday";
  return (nowMs - ms < HALF_A_YEAR_MS ? LONG_DAY : LONG_DAY_AND_YEAR).format(ms);
}

/**
 * Labels of a time axis whose ticks are `stepMs` apart: seconds only if they matter, the day where it changes.
 *
 * @param {number[]} times
 * @param {number} stepMs
 */
export function timeLabels(times, stepMs) {
  /** @type {string | null} */
  let shown = null;
  return times.map((ms) => {
    const clock = (stepMs < 60_000 ? SECONDS : MINUTES).format(ms);
    const day = DAY.format(ms);
    if (stepMs >= DAY_MS) return day;
    const turned = shown !== null && shown !== day;
    shown = day;
    return turned ? day : clock;
  });
}
