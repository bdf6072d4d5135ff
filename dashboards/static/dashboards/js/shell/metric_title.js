// The names of metrics as titles. Pure.

const ABBREVIATIONS = /\b(rpm|voc|rssi|uv|id|ip|pm|ups|gps|cpu)\b/gi;

/**
 * `phase.l1` and `soil_moisture` as a person would write them: `Phase L1`, `Soil moisture`.
 *
 * @param {string} metric
 */
export function titleOf(metric) {
  const words = metric.replace(/[._]+/g, " ");
  const text = words.replace(/([a-z])([A-Z])(?![A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`).trim() || metric;
  const short = text
    .replace(/\b([a-z]{1,2}\d)\b/g, (code) => code.toUpperCase())
    .replace(/\bco2\b/gi, "CO₂")
    .replace(ABBREVIATIONS, (code) => code.toUpperCase());
  return short[0].toUpperCase() + short.slice(1);
}
