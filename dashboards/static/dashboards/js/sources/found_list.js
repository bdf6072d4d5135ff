// The devices that were found at a source, with buttons.

import { clone, make, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { age } from "../shell/times.js";

/** @import { Found } from "./source_api.js" */
/** @typedef {{add: (one: Found) => void, ignore: (one: Found) => void}} Actions */

const MOST_VALUES = 8;

export class FoundList {
  #list;
  #actions;
  /** @type {Map<string, import("../shell/dom.js").Parts>} */
  #rows = new Map();
  /** @type {Map<string, Found>} */
  #found = new Map();

  /** @param {HTMLElement} list @param {Actions} actions */
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
  }

  /** Rows stay where they are while they are listed, so that a button is not moved away under a pointer.
   * @param {Found[]} found @param {number} nowMs */
  show(found, nowMs) {
    this.#found = new Map(found.map((one) => [one.key, one]));
    for (const [key, parts] of this.#rows) {
      if (this.#found.has(key)) continue;
      parts.root.remove();
      this.#rows.delete(key);
    }
    for (const one of found) this.#render(this.#rows.get(one.key) ?? this.#append(one), one, nowMs);
  }

  /** @param {Found} one */
  #append({ key }) {
    const parts = clone("found-device");
    const current = () => /** @type {Found} */ (this.#found.get(key));
    parts.add.addEventListener("click", () => this.#actions.add(current()));
    parts.ignore.addEventListener("click", () => this.#actions.ignore(current()));
    this.#rows.set(key, parts);
    this.#list.append(parts.root);
    return parts;
  }

  /** @param {import("../shell/dom.js").Parts} parts @param {Found} one @param {number} nowMs */
  #render(parts, one, nowMs) {
    const name = one.name || one.address;
    setText(parts.name, name);
    setText(parts.address, one.name ? one.address : "");
    setText(parts.times, `Last heard ${ago(one.at, nowMs)}, first ${ago(one.first_at, nowMs)}`);
    setText(parts.problem, one.problem && `Cannot be read: ${one.problem}`);
    parts.problem.hidden = !one.problem;
    setText(parts.ignore, one.ignored ? "Take back" : "Ignore");
    parts.add.setAttribute("aria-label", `Add ${name}`);
    parts.ignore.setAttribute("aria-label", `${one.ignored ? "Take back" : "Ignore"} ${name}`);
    parts.values.replaceChildren(...values(one));
  }
}

/** @param {Found} one */
function values({ latest, attributes }) {
  const entries = Object.entries(latest);
  const shown = entries.slice(0, MOST_VALUES).map(([metric, value]) => {
    const parts = clone("found-value");
    setText(parts.metric, titleOf(metric));
    const unit = attributes[`units.${metric}`];
    const text = formatValue(value, new NumberFormat());
    setText(parts.value, unit ? `${text} ${unit}` : text);
    return parts.root;
  });
  const more = entries.length - shown.length;
  return more > 0 ? [...shown, make("div", "muted", `and ${more} more`)] : shown;
}

/** @param {number} ms @param {number} nowMs */
function ago(ms, nowMs) {
  const passed = age(ms, nowMs);
  return passed === "now" ? "just now" : `${passed} ago`;
}
