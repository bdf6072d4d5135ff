// Every metric of a device with its newest value and the age of that value.

import { now } from "../live/hub_clock.js";
import { record } from "../live/record.js";
import { clone, flash, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { textUpdates } from "../shell/throttle.js";
import { age } from "../shell/times.js";
import { isPosition } from "./metrics.js";

/** @import { Value } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */

/**
 * @typedef {object} Row
 * @property {Parts} parts
 * @property {NumberFormat} numbers
 * @property {number} time
 * @property {Value | undefined} value
 * @property {boolean} isDirty
 * @property {boolean} hasChanged
 */

export class ValueTable {
  #body;
  #unitOf;
  #wordsOf;
  /** @type {Record<string, Row>} by metric */
  #rows = record();
  #draw = () => this.#drawNow();

  /**
   * @param {HTMLElement} body
   * @param {{unitOf: (metric: string) => string, wordsOf: (metric: string) => string[]}} options  how values are written
   */
  constructor(body, { unitOf, wordsOf }) {
    this.#body = body;
    this.#unitOf = unitOf;
    this.#wordsOf = wordsOf;
  }

  /**
   * Shows the newest value of a metric. One older than the shown value is ignored.
   *
   * @param {string} metric
   * @param {number} time
   * @param {Value} value
   */
  setValue(metric, time, value) {
    this.#rows[metric] ??= this.#add(metric);
    const row = this.#rows[metric];
    if (row.time > time) return;
    row.hasChanged = row.time > 0 && row.value !== value;
    Object.assign(row, { time, value, isDirty: true });
    textUpdates.request(this.#draw);
  }

  /** @param {string} metric */
  remove(metric) {
    this.#rows[metric]?.parts.root.remove();
    delete this.#rows[metric];
  }

  /** Writes all values again, because units or words have changed. */
  refresh() {
    for (const row of Object.values(this.#rows)) row.isDirty = true;
    textUpdates.request(this.#draw);
  }

  /** Brings the ages up to date. */
  tick() {
    for (const { parts, time } of Object.values(this.#rows)) setText(parts.age, age(time, now()));
  }

  /** @param {string} metric @returns {Row} */
  #add(metric) {
    const parts = clone("value-row");
    setText(parts.name, titleOf(metric));
    parts.name.title = metric;
    parts.root.dataset.metric = metric;
    const rows = /** @type {HTMLElement[]} */ ([...this.#body.children]);
    const next = rows.find((row) => String(row.dataset.metric).localeCompare(metric) > 0);
    this.#body.insertBefore(parts.root, next ?? null);
    return { parts, numbers: new NumberFormat(), time: 0, value: undefined, isDirty: false, hasChanged: false };
  }

  #drawNow() {
    for (const [metric, row] of Object.entries(this.#rows)) {
      if (!row.isDirty) continue;
      row.isDirty = false;
      this.#drawRow(metric, row);
    }
    this.tick();
  }

  /** @param {string} metric @param {Row} row */
  #drawRow(metric, { parts, value, numbers, hasChanged }) {
    const isNumber = typeof value === "number";
    const isExact = isNumber && isPosition(metric); // four digits of a latitude are a kilometre
    setText(parts.value, isExact ? value.toFixed(5) : formatValue(value, numbers, this.#wordsOf(metric)));
    parts.value.title = String(value);
    const isText = typeof value === "string"; // a text takes the place of the unit too
    parts.value.parentElement.classList.toggle("value-text", isText);
    parts.value.parentElement.colSpan = isText ? 2 : 1;
    parts.unit.hidden = isText;
    setText(parts.unit, isNumber ? this.#unitOf(metric) : "");
    if (hasChanged) flash(parts.value);
  }
}
