// Messages beside what would be stored of them.

import { clone, make, makeButton, setText } from "../shell/dom.js";

/** @import { Message, Outcome, StoredDevice } from "./mapping_api.js" */

/**
 * @param {Message & {retained?: boolean, size?: number}} message
 * @param {Outcome | null} outcome null: the mapping cannot be tried
 * @param {() => void} suggest has a rule made for this message
 */
export function messageRow(message, outcome, suggest) {
  const row = clone("message-row");
  setText(row.topic, message.topic);
  setText(row.payload, message.payload_hex ? spaced(message.payload_hex) : indented(message.payload ?? ""));
  setText(row.note, notes(message).join(", "));
  row.note.hidden = !row.note.textContent;
  if (outcome) row.stored.replaceChildren(...stored(outcome, suggest));
  return row.root;
}

/**
 * @param {Outcome} outcome
 * @param {() => void} suggest
 */
function stored({ problem, devices, publishes }, suggest) {
  /** @type {HTMLElement[]} */
  const parts = devices.map(deviceBlock);
  if (problem) parts.push(make("p", "stored-problem", problem));
  for (const { topic, payload } of publishes)
    parts.push(make("p", "stored-reply", `The hub would publish ${payload || "an empty message"} on ${topic}.`));
  // Also where a rule fits: it may be one for another kind of message, and the new one comes before it.
  const className = devices.length ? "stored-rule" : "btn btn-quiet";
  parts.push(makeButton(className, "Write a rule for it", suggest));
  return parts;
}

/** @param {StoredDevice} device */
function deviceBlock({ address, name, via, values, attributes, availability, problems }) {
  const block = make("div", "stored");
  const head = make("p", "stored-device", name || address);
  const beside = [name && address, via && `via ${via}`].filter(Boolean).join(", ");
  if (beside) head.append(make("span", "muted", beside));
  block.append(head);
  const table = make("table");
  if (availability) table.append(pair("Availability", availability === "online" ? "Online" : "Offline"));
  const facts = { ...attributes };
  for (const { metric, value } of values) {
    const unit = facts[`units.${metric}`] ?? "";
    delete facts[`units.${metric}`];
    table.append(pair(metric, `${value} ${unit}`.trim()));
  }
  table.append(...Object.entries(facts).map(([fact, value]) => pair(fact, String(value), "is-fact")));
  if (table.rows.length) block.append(table);
  const time = values.find((one) => one.time !== null)?.time;
  if (time) block.append(make("p", "stored-time", `at ${new Date(time).toLocaleString()}`));
  block.append(...problems.map((problem) => make("p", "stored-problem", problem)));
  return block;
}

/**
 * @param {string} name
 * @param {string} value
 */
function pair(name, value, className = "") {
  const row = make("tr", className);
  const head = make("th", "", name);
  head.scope = "row";
  row.append(head, make("td", "", value));
  return row;
}

/** @param {Message & {retained?: boolean, size?: number}} message */
function notes({ payload, payload_hex, retained, size }) {
  return [
    ...(retained ? ["retained"] : []),
    ...(payload_hex ? [`${size ?? payload_hex.length / 2} bytes, not text`] : payload ? [] : ["empty"]),
  ];
}

/** @param {string} text */
function indented(text) {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {string} hex */
function spaced(hex) {
  return hex.replace(/../g, "$& ").trim();
}
