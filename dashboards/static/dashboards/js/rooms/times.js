// Times and sizes as a talk shows them. Pure.

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const OLD_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const HALF_A_YEAR_MS = 182 * 86_400_000;

/** `14:03`. */
export const clock = (ms) => CLOCK.format(ms);

/** `Wednesday, 25 November 2026 at 14:03:22`. */
export const fullTime = (ms) => FULL.format(ms);

/** `Today`, `Yesterday`, `Monday 23 November`, and with the year where it was long ago. */
export function dayName(ms, nowMs) {
  const midnight = new Date(nowMs).setHours(0, 0, 0, 0);
  if (ms >= midnight) return "Today";
  if (ms >= new Date(midnight).setDate(new Date(midnight).getDate() - 1)) return "Yesterday";
  return (nowMs - ms < HALF_A_YEAR_MS ? DAY : OLD_DAY).format(ms);
}

/** `820 B`, `14 kB`, `3.2 MB`. */
export function fileSize(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
