// Live lines over time: a wrapper of uPlot that draws at most once per frame and only what can be seen.

import uPlot from "uplot";

import { now } from "../live/clock.js";
import { strokes } from "../live/pace.js";
import { compact, timeLabels } from "../shell/format.js";
import { everySecond, whileVisible } from "../shell/frame.js";
import { colour, font, onTheme, tint } from "./palette.js";
import { alone } from "./series.js";

const COLUMNS = 3; // value, low, high of each line

/**
 * `lines`: `[{hue, stepped, drawn()}]`, where `drawn` gives `[times, values, lows, highs]`. `hovered(points | null)` is
 * told what stands under the cursor: `[[MS, value, low, high] | null, …]`, one for each line. `flags` are the words
 * for true and false, of a chart that shows nothing else.
 */
export class Chart {
  #plot;
  #visible = false;
  #ends = [];
  #draw = () => this.#drawNow();

  constructor(element, { lines, windowMs, sync, hovered = () => {}, flags = null }) {
    Object.assign(this, { element, lines, windowMs, hovered });
    this.#plot = new uPlot(this.#options(sync, flags), this.#data(), element);
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(element);
    this.#ends = [
      () => sized.disconnect(),
      whileVisible(element, (visible) => {
        this.#visible = visible;
        this.redraw();
      }),
      everySecond(() => this.redraw()),
      onTheme(() => this.#plot.redraw(true, true)),
    ];
  }

  redraw() {
    if (this.#visible) strokes.ask(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
    this.#plot.destroy();
  }

  #drawNow() {
    if (!this.#visible) return;
    const end = now();
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(), false);
      this.#plot.setScale("x", { min: end - this.windowMs, max: end });
    });
  }

  #data() {
    const tables = this.lines.map((line) => {
      const [times, values, lows, highs] = line.drawn();
      const none = () => new Array(times.length).fill(null);
      return [times, values, lows.length ? lows : none(), highs.length ? highs : none()];
    });
    return tables.length === 1 ? tables[0] : uPlot.join(tables);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width && height) this.#plot.setSize({ width, height });
  }

  #options(sync, flags) {
    return {
      width: this.element.clientWidth || 300,
      height: this.element.clientHeight || 160,
      ms: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        // The edges of the band follow the cursor unseen.
        points: { size: 8, width: 2, fill: (plot, i) => (i % COLUMNS === 1 ? colour("surface") : "transparent") },
        sync: sync ? { key: sync, setSeries: false } : undefined,
      },
      scales: { x: { time: true, auto: false }, y: { range: flags ? () => FLAG_RANGE : padded } },
      series: [{}, ...this.lines.flatMap((line) => this.#series(line))],
      bands: this.lines.map((line, i) => ({
        series: [i * COLUMNS + 3, i * COLUMNS + 2],
        fill: () => tint(`hue-${line.hue}`, 0.18),
      })),
      axes: [timeAxis(), flags ? flagAxis(flags) : valueAxis()],
      hooks: { setCursor: [(plot) => this.#hover(plot)] },
    };
  }

  #series({ hue, stepped }) {
    const edge = { points: { show: false }, stroke: "transparent", width: 0 };
    const line = {
      stroke: () => colour(`hue-${hue}`),
      width: 1.75,
      // No line leads to a reading with a pause on both sides, such as the first one of a device.
      points: {
        show: true,
        size: 5,
        width: 0,
        fill: () => colour(`hue-${hue}`),
        filter: (plot, i) => alone(plot.data[i]),
      },
      paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      fill: this.lines.length === 1 ? (plot) => fade(plot, hue) : undefined,
      fillTo: (plot) => plot.scales.y.min,
    };
    return [line, edge, edge];
  }

  #hover(plot) {
    const { idxs, left } = plot.cursor;
    if (left === undefined || left < 0) return this.hovered(null);
    const points = this.lines.map((_, i) => {
      const at = idxs[i * COLUMNS + 1];
      const column = (offset) => plot.data[i * COLUMNS + 1 + offset][at];
      return at === null || at === undefined || column(0) == null
        ? null
        : [plot.data[0][at], column(0), column(1), column(2)];
    });
    return this.hovered(points);
  }
}

/** Room above and below; a level line stands in the middle of a scale and not on its edge. */
function padded(plot, low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.05 || 0.5;
  // Quantities that are never negative don't get an axis below zero.
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function fade(plot, hue) {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(top + height)) return "transparent";
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, tint(`hue-${hue}`, 0.16));
  gradient.addColorStop(1, tint(`hue-${hue}`, 0));
  return gradient;
}

function axis() {
  return {
    stroke: () => colour("ink-3"),
    font: font(11),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
const STEPS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30].map((n) => n * DAY),
];

function timeAxis() {
  return {
    ...axis(),
    size: 28,
    space: 56,
    incrs: STEPS_MS,
    grid: { show: false },
    values: (plot, times, index, space, step) => timeLabels(times, step),
  };
}

function valueAxis() {
  return { ...axis(), size: roomForLabels, space: 32, values: valueLabels };
}

/** Charts stand in line under each other, except where that would cut a long label off. */
function roomForLabels(plot, labels) {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(48, 12 + 7 * longest);
}

function valueLabels(plot, values, index, space, step) {
  return values.map((value) => (value === null ? "" : compact(value, step)));
}

const FLAG_RANGE = [-0.12, 1.2];

function flagAxis([yes, no]) {
  return { ...axis(), size: 48, splits: () => [0, 1], values: () => [no, yes] };
}
