// A chart of one or more metrics of a device, with its legend: the present value, or what stands under the cursor.

import { hueOf, titleOf } from "../device/metrics.js";
import { now } from "../live/clock.js";
import { figures } from "../live/pace.js";
import { clone, setText } from "../shell/dom.js";
import { formatValue, moment, NumberFormat } from "../shell/format.js";
import { inNextFrame, whileVisible } from "../shell/frame.js";
import { Chart } from "./chart.js";
import { LiveSeries } from "./live_series.js";

const POINTS = 600;
const SPARE_HUES = ["blue", "coral", "teal", "amber", "violet", "sky", "olive"];

export class ChartPanel {
  #lines = new Map(); // metric -> {spec, hue, series, item, numbers, value}
  #chart = null;
  #opened = false;
  #hovered = null;
  #unseen;
  #draw = () => this.#drawLegend();

  /** `specs`: `[{metric, unit, boolean, words, hue?}]`; loads its history once it comes near the screen. */
  constructor(uid, specs, { title, windowMs, sync, template = "chart-panel" }) {
    Object.assign(this, { windowMs, sync });
    this.parts = clone(template);
    if (this.parts.title) setText(this.parts.title, title);
    this.parts.chart.setAttribute("aria-label", `Chart of ${title}`);
    const taken = new Set();
    for (const spec of specs) this.#addLine(uid, spec, taken);
    this.parts.root.classList.toggle(
      "chart-of-flag",
      specs.every((spec) => spec.boolean),
    );
    this.parts.legend.classList.toggle("legend-single", specs.length === 1);
    this.#unseen = whileVisible(this.parts.root, (visible) => visible && this.#open());
  }

  get element() {
    return this.parts.root;
  }

  /** The newest value, for the legend. */
  report(metric, value) {
    const line = this.#lines.get(metric);
    if (!line) return;
    line.value = value;
    figures.ask(this.#draw);
  }

  /** Live points, for the line. */
  add(metric, points) {
    this.#lines.get(metric)?.series.add(points);
  }

  reload() {
    if (this.#opened) for (const { series } of this.#lines.values()) series.reload();
  }

  /** Shows another window, in milliseconds up to now. */
  show(windowMs) {
    this.windowMs = windowMs;
    if (this.#chart) this.#chart.windowMs = windowMs;
    for (const { series } of this.#lines.values()) this.#opened ? series.show(windowMs) : (series.windowMs = windowMs);
    this.#chart?.redraw();
  }

  destroy() {
    this.#unseen();
    this.#chart?.destroy();
    for (const { series } of this.#lines.values()) series.close();
  }

  #addLine(uid, spec, taken) {
    const wanted = spec.hue ?? hueOf(spec.metric, spec.unit);
    const hue = taken.has(wanted) ? (SPARE_HUES.find((one) => !taken.has(one)) ?? wanted) : wanted;
    taken.add(hue);
    const series = new LiveSeries(uid, spec.metric, {
      windowMs: this.windowMs,
      points: POINTS,
      changed: () => this.#changed(),
    });
    const item = clone("legend-item");
    item.root.classList.add(`hue-${hue}`);
    setText(item.name, titleOf(spec.metric));
    item.name.title = spec.metric;
    this.parts.legend.append(item.root);
    this.#lines.set(spec.metric, { spec, hue, series, item, numbers: new NumberFormat(), value: undefined });
  }

  #open() {
    if (this.#opened) return;
    this.#opened = true;
    const lines = [...this.#lines.values()];
    this.#chart = new Chart(this.parts.chart, {
      lines: lines.map(({ spec, hue, series }) => ({ hue, stepped: spec.boolean, drawn: () => series.drawn() })),
      windowMs: this.windowMs,
      sync: this.sync,
      hovered: (points) => this.#hover(points),
      flags: lines.every(({ spec }) => spec.boolean) ? lines[0].spec.words : null,
    });
    for (const { series } of lines) series.reload();
  }

  #changed() {
    figures.ask(this.#draw);
    this.#chart?.redraw();
  }

  #hover(points) {
    this.#hovered = points;
    inNextFrame(this.#draw);
  }

  #drawLegend() {
    let time = null;
    [...this.#lines.values()].forEach((line, i) => {
      const point = this.#hovered?.[i];
      time ??= point?.[0] ?? null;
      this.#drawItem(line, point);
    });
    setText(this.parts.time, time === null ? "" : moment(time, now()));
    const note = noteFor([...this.#lines.values()].map(({ series }) => series));
    setText(this.parts.note, note);
    this.parts.note.hidden = !note;
  }

  #drawItem({ spec, item, numbers, value }, point) {
    const shown = point ? (spec.boolean ? point[1] >= 0.5 : point[1]) : value;
    const mean = point && typeof shown === "number";
    setText(item.value, mean ? numbers.formatMean(shown) : formatValue(shown, numbers, spec.words));
    item.value.title = String(shown);
    setText(item.unit, typeof shown === "number" ? spec.unit : "");
    const banded = point && point[2] != null && point[3] > point[2] && !spec.boolean;
    setText(item.range, banded ? `${numbers.formatMean(point[2])} – ${numbers.formatMean(point[3])}` : "");
  }
}

/** What there is to say where no line can be seen. */
function noteFor(lines) {
  if (lines.some((line) => line.failed)) return "The history can’t be read just now, trying again…";
  if (lines.every((line) => line.loaded && line.isEmpty())) return "Nothing was sent in this time";
  return "";
}
