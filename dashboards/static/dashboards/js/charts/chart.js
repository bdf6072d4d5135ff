// Lines over time: a wrapper of uPlot that draws at most once per frame, and only what is on the screen.

import uPlot from "uplot";

import { now } from "../live/hub_clock.js";
import { everySecond } from "../shell/animation_frames.js";
import { colour, onThemeChange, tint } from "../shell/colours.js";
import { lineUpdates } from "../shell/throttle.js";
import { whileVisible } from "../shell/visibility.js";
import { flagAxis, flagRange, paddedRange, timeAxis, valueAxis } from "./chart_axes.js";
import { isolatedIndices } from "./series.js";

/** @import { Drawable } from "./series.js" */

/**
 * @typedef {{hue: string, stepped: boolean, drawable: () => Drawable}} ChartLine
 * @typedef {[ms: number, value: number, low: number | null, high: number | null]} HoveredPoint
 */
/**
 * @typedef {object} ChartOptions
 * @property {ChartLine[]} lines
 * @property {number} windowMs
 * @property {string} [sync]  charts with the same name share their cursor
 * @property {(points: (HoveredPoint | null)[] | null) => void} [onHover]  receives the point of each line under the cursor
 * @property {string[] | null} [flags]  the words for true and false, of a chart that shows nothing else
 */

const COLUMNS = 3; // value, low and high of each line

export class Chart {
  #element;
  #lines;
  #onHover;
  #plot;
  #isVisible = false;
  #ends;
  #draw = () => this.#drawNow();

  /** @param {HTMLElement} element @param {ChartOptions} options */
  constructor(element, { lines, windowMs, sync, onHover = () => {}, flags = null }) {
    this.#element = element;
    this.#lines = lines;
    this.windowMs = windowMs;
    this.#onHover = onHover;
    this.#plot = new uPlot(this.#options(sync, flags), this.#data(), element);
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(element);
    this.#ends = [
      () => sized.disconnect(),
      whileVisible(element, (isVisible) => {
        this.#isVisible = isVisible;
        this.redraw();
      }),
      everySecond(() => this.redraw()),
      onThemeChange(() => this.#plot.redraw(true, true)),
    ];
  }

  redraw() {
    if (this.#isVisible) lineUpdates.request(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
    this.#plot.destroy();
  }

  #drawNow() {
    if (!this.#isVisible) return;
    const end = now();
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(), false);
      this.#plot.setScale("x", { min: end - this.windowMs, max: end });
    });
  }

  #data() {
    const tables = this.#lines.map((line) => {
      const [times, values, lows, highs] = line.drawable();
      const nulls = () => new Array(times.length).fill(null);
      const columns = [times, values, lows.length ? lows : nulls(), highs.length ? highs : nulls()];
      return /** @type {uPlot.AlignedData} */ (/** @type {unknown} */ (columns));
    });
    return tables.length === 1 ? tables[0] : uPlot.join(tables);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#element;
    if (width && height) this.#plot.setSize({ width, height });
  }

  /** @param {string | undefined} sync @param {string[] | null} flags @returns {uPlot.Options} */
  #options(sync, flags) {
    return {
      width: this.#element.clientWidth || 300,
      height: this.#element.clientHeight || 160,
      ms: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        // The edges of the band follow the cursor, but are not shown.
        points: { size: 8, width: 2, fill: (_, i) => (i % COLUMNS === 1 ? colour("surface") : "transparent") },
        sync: sync ? { key: sync, setSeries: false } : undefined,
      },
      scales: { x: { time: true, auto: false }, y: { range: flags ? flagRange : paddedRange } },
      series: [{}, ...this.#lines.flatMap((line) => this.#series(line))],
      bands: this.#lines.map((line, i) => ({
        series: [i * COLUMNS + 3, i * COLUMNS + 2],
        fill: () => tint(`hue-${line.hue}`, 0.18),
      })),
      axes: [timeAxis(), flags ? flagAxis(flags) : valueAxis()],
      hooks: { setCursor: [(plot) => this.#hover(plot)] },
    };
  }

  /** @param {ChartLine} line @returns {uPlot.Series[]} */
  #series({ hue, stepped }) {
    const edge = { points: { show: false }, stroke: "transparent", width: 0 };
    return [
      {
        stroke: () => colour(`hue-${hue}`),
        width: 1.75,
        points: {
          show: true,
          size: 5,
          width: 0,
          fill: () => colour(`hue-${hue}`),
          // No line leads to a reading with a pause on both sides, such as the first one of a device.
          filter: (plot, i) => isolatedIndices(plot.data[i]),
        },
        paths: stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined,
        fill: this.#lines.length === 1 ? (plot) => gradientOf(plot, hue) : undefined,
        fillTo: (plot) => Number(plot.scales.y.min),
      },
      edge,
      edge,
    ];
  }

  /** @param {uPlot} plot */
  #hover(plot) {
    const { idxs, left } = plot.cursor;
    if (!idxs || left === undefined || left < 0) return this.#onHover(null);
    const points = this.#lines.map((_, i) => {
      const at = idxs[i * COLUMNS + 1];
      if (at === null || at === undefined) return null;
      const [value, low, high] = [1, 2, 3].map((offset) => plot.data[i * COLUMNS + offset][at] ?? null);
      return value === null ? null : /** @type {HoveredPoint} */ ([plot.data[0][at], value, low, high]);
    });
    return this.#onHover(points);
  }
}

/** @param {uPlot} plot @param {string} hue */
function gradientOf(plot, hue) {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(top + height)) return "transparent";
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, tint(`hue-${hue}`, 0.16));
  gradient.addColorStop(1, tint(`hue-${hue}`, 0));
  return gradient;
}
