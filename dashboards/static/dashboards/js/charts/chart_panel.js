// A chart of one or more metrics of a device. Its legend shows the present values, or those under the cursor.

import { now } from "../live/hub_clock.js";
import { inNextFrame } from "../shell/animation_frames.js";
import { HUES, hueOfMetric } from "../shell/colours.js";
import { clone, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { textUpdates } from "../shell/throttle.js";
import { moment } from "../shell/times.js";
import { whileVisible } from "../shell/visibility.js";
import { Chart } from "./chart.js";
import { LiveSeries } from "./live_series.js";

/** @import { Point, Value } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */
/** @import { HoveredPoint } from "./chart.js" */

/**
 * @typedef {{metric: string, unit: string, boolean: boolean, words: string[], hue?: string}} LineSpec
 * @typedef {{spec: LineSpec, hue: string, series: LiveSeries, item: Parts, numbers: NumberFormat, value?: Value}} Line
 */
/** @typedef {{title: string, windowMs: number, sync?: string, template?: string}} PanelOptions */

const POINTS = 600;

export class ChartPanel {
  /** @type {Map<string, Line>} by metric */
  #lines = new Map();
  /** @type {Chart | null} */
  #chart = null;
  #isOpen = false;
  /** @type {(HoveredPoint | null)[] | null} */
  #hovered = null;
  #windowMs;
  #sync;
  #parts;
  #endVisibility;
  #draw = () => this.#drawLegend();

  /**
   * Loads its history once it comes near the screen.
   *
   * @param {string} uid
   * @param {LineSpec[]} specs
   * @param {PanelOptions} options
   */
  constructor(uid, specs, { title, windowMs, sync, template = "chart-panel" }) {
    this.#windowMs = windowMs;
    this.#sync = sync;
    this.#parts = clone(template);
    if (this.#parts.title) setText(this.#parts.title, title);
    this.#parts.chart.setAttribute("aria-label", `Chart of ${title}`);
    for (const spec of specs) this.#addLine(uid, spec);
    const isFlag = specs.every((spec) => spec.boolean);
    this.#parts.root.classList.toggle("chart-of-flag", isFlag);
    this.#parts.legend.classList.toggle("legend-single", specs.length === 1);
    this.#endVisibility = whileVisible(this.#parts.root, (isVisible) => isVisible && this.#open());
  }

  /** @returns {HTMLElement} */
  get element() {
    return this.#parts.root;
  }

  /** Shows the newest value in the legend. @param {string} metric @param {Value | undefined} value */
  setValue(metric, value) {
    const line = this.#lines.get(metric);
    if (!line) return;
    line.value = value;
    textUpdates.request(this.#draw);
  }

  /** Adds live points to the line. @param {string} metric @param {Point[]} points */
  add(metric, points) {
    this.#lines.get(metric)?.series.add(points);
  }

  reload() {
    if (this.#isOpen) for (const { series } of this.#lines.values()) series.reload();
  }

  /** Shows another window, in milliseconds up to now. @param {number} windowMs */
  show(windowMs) {
    this.#windowMs = windowMs;
    if (this.#chart) this.#chart.windowMs = windowMs;
    for (const { series } of this.#lines.values()) {
      if (this.#isOpen) series.show(windowMs);
      else series.windowMs = windowMs;
    }
    this.#chart?.redraw();
  }

  destroy() {
    this.#endVisibility();
    this.#chart?.destroy();
    for (const { series } of this.#lines.values()) series.close();
  }

  /** @param {string} uid @param {LineSpec} spec */
  #addLine(uid, spec) {
    const used = new Set([...this.#lines.values()].map((line) => line.hue));
    const wanted = spec.hue ?? hueOfMetric(spec.metric, spec.unit);
    const hue = used.has(wanted) ? (HUES.find((one) => !used.has(one)) ?? wanted) : wanted;
    const options = { windowMs: this.#windowMs, points: POINTS, changed: () => this.#handleChange() };
    const series = new LiveSeries(uid, spec.metric, options);
    const item = clone("legend-item");
    item.root.classList.add(`hue-${hue}`);
    setText(item.name, titleOf(spec.metric));
    item.name.title = spec.metric;
    this.#parts.legend.append(item.root);
    this.#lines.set(spec.metric, { spec, hue, series, item, numbers: new NumberFormat() });
  }

  #open() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const lines = [...this.#lines.values()];
    this.#chart = new Chart(this.#parts.chart, {
      lines: lines.map(({ spec, hue, series }) => ({
        hue,
        stepped: spec.boolean,
        drawable: () => series.drawable(),
      })),
      windowMs: this.#windowMs,
      sync: this.#sync,
      onHover: (points) => this.#handleHover(points),
      flags: lines.every(({ spec }) => spec.boolean) ? lines[0].spec.words : null,
    });
    for (const { series } of lines) series.reload();
  }

  #handleChange() {
    textUpdates.request(this.#draw);
    this.#chart?.redraw();
  }

  /** @param {(HoveredPoint | null)[] | null} points */
  #handleHover(points) {
    this.#hovered = points;
    inNextFrame(this.#draw);
  }

  #drawLegend() {
    /** @type {number | null} */
    let time = null;
    for (const [i, line] of [...this.#lines.values()].entries()) {
      const point = this.#hovered?.[i] ?? null;
      time ??= point?.[0] ?? null;
      drawLegendItem(line, point);
    }
    setText(this.#parts.time, time === null ? "" : moment(time, now()));
    const note = noteFor([...this.#lines.values()].map(({ series }) => series));
    setText(this.#parts.note, note);
    this.#parts.note.hidden = !note;
  }
}

/** @param {Line} line @param {HoveredPoint | null} point */
function drawLegendItem({ spec, item, numbers, value }, point) {
  const shown = point ? (spec.boolean ? point[1] >= 0.5 : point[1]) : value;
  const isMean = point && typeof shown === "number";
  setText(item.value, isMean ? numbers.formatMean(shown) : formatValue(shown, numbers, spec.words));
  item.value.title = String(shown);
  setText(item.unit, typeof shown === "number" ? spec.unit : "");
  const [, , low, high] = point ?? [];
  const hasBand = low != null && high != null && high > low && !spec.boolean;
  setText(item.range, hasBand ? `${numbers.formatMean(low)} – ${numbers.formatMean(high)}` : "");
}

/** The explanation where no line can be seen. @param {LiveSeries[]} lines */
function noteFor(lines) {
  if (lines.some((line) => line.failed)) return "The history can’t be loaded right now. Trying again…";
  if (lines.every((line) => line.loaded && line.isEmpty())) return "No data in this period";
  return "";
}
