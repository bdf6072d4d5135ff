// Every metric of a device with its newest value and how old that is.

import { now } from "../live/clock.js";
import { figures } from "../live/pace.js";
import { clone, flash, setText } from "../shell/dom.js";
import { age, formatValue, NumberFormat } from "../shell/format.js";
import { isPosition, titleOf } from "./metrics.js";

export class ValueTable {
  #rows = new Map(); // metric -> {parts, numbers, time, value, dirty}
  #draw = () => this.#drawNow();

  /** `unitOf(metric)` and `wordsOf(metric)` say how its values are written. */
  constructor(body, { unitOf, wordsOf }) {
    Object.assign(this, { body, unitOf, wordsOf });
  }

  /** Takes the newest value of a metric; an older one than is shown is left out. */
  take(metric, time, value) {
    let row = this.#rows.get(metric);
    if (!row) this.#rows.set(metric, (row = this.#add(metric)));
    if (row.time > time) return;
    row.changed = row.time > 0 && row.value !== value;
    Object.assign(row, { time, value, dirty: true });
    figures.ask(this.#draw);
  }

  /** Writes all values again, when units or words have changed. */
  refresh() {
    for (const row of this.#rows.values()) row.dirty = true;
    figures.ask(this.#draw);
  }

  /** Brings the ages up to date. */
  tick() {
    for (const row of this.#rows.values()) setText(row.parts.age, age(row.time, now()));
  }

  #add(metric) {
    const parts = clone("value-row");
    setText(parts.name, titleOf(metric));
    parts.name.title = metric;
    const rows = [...this.body.children];
    this.body.insertBefore(parts.root, rows.find((row) => row.dataset.metric.localeCompare(metric) > 0) ?? null);
    parts.root.dataset.metric = metric;
    return { parts, numbers: new NumberFormat(), time: 0, value: undefined, dirty: false };
  }

  #drawNow() {
    for (const [metric, row] of this.#rows) {
      if (!row.dirty) continue;
      row.dirty = false;
      this.#write(metric, row);
    }
    this.tick();
  }

  #write(metric, { parts, value, numbers, changed }) {
    const number = typeof value === "number";
    const exact = number && isPosition(metric); // four digits of a latitude are a kilometre
    setText(parts.value, exact ? value.toFixed(5) : formatValue(value, numbers, this.wordsOf(metric)));
    parts.value.title = String(value);
    const text = typeof value === "string"; // it takes the place of the unit too
    parts.value.parentElement.classList.toggle("value-text", text);
    parts.value.parentElement.colSpan = text ? 2 : 1;
    parts.unit.hidden = text;
    setText(parts.unit, number ? this.unitOf(metric) : "");
    if (changed) flash(parts.value);
  }
}
