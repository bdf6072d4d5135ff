// A rule to begin with, made of one message.

/** @import { Message } from "./mapping_api.js" */

const KINDS = ["state", "status", "sensor", "sensors", "telemetry", "data", "json", "events", "values", "info"];
const STATUSES = ["online", "offline"];

/**
 * The prefix, and a rule for messages like this one: its last level is the metric of a bare value, and the device of an
 * object unless it is a word such as `state`.
 *
 * @param {Message} message
 * @param {string} prefix empty: the first level of the topic becomes the prefix
 * @returns {{prefix: string, rule: Record<string, string>}}
 */
export function suggestedRule({ topic, payload, payload_hex }, prefix) {
  const chosen = prefix && topic.startsWith(`${prefix}/`) ? prefix : topic.split("/")[0];
  const levels = topic.slice(chosen.length + 1).split("/");
  const text = (payload ?? "").trim();
  const decoder = payload_hex ? decoderOf(payload_hex) : isObject(text) ? "json" : "scalar";
  const last = levels.length - 1;
  const isStatus = STATUSES.includes(text.toLowerCase());
  if (isStatus) return made(chosen, named(levels, last - 1), { as: "status", decoder: "text" });
  if (decoder === "scalar" && last > 0)
    return made(chosen, named(named(levels, last, "{metric}"), last - 1), { decoder });
  const device = KINDS.includes(levels[last].toLowerCase()) && last > 0 ? last - 1 : last;
  return made(chosen, named(levels, device), decoder === "json" ? {} : { decoder });
}

/**
 * @param {string} prefix
 * @param {string[]} levels
 * @param {Record<string, string>} more
 */
function made(prefix, levels, more) {
  return { prefix, rule: { topic: levels.join("/"), ...more } };
}

/**
 * @param {string[]} levels
 * @param {number} at
 */
function named(levels, at, name = "{device}") {
  return levels.map((level, i) => (i === at ? name : level));
}

/** @param {string} hex */
function decoderOf(hex) {
  if (hex.startsWith("1f8b")) return "gzip+json";
  return /^[ab]/.test(hex) ? "cbor" : "msgpack";
}

/** @param {string} text */
function isObject(text) {
  return /^[{[]/.test(text);
}
