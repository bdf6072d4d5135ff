// A line the size of a word: the last minutes of a metric on a canvas, moving.

import { now } from "../live/hub_clock.js";
import { colour, onThemeChange, tint } from "../shell/colours.js";
import { lineUpdates } from "../shell/throttle.js";
import { whileVisible } from "../shell/visibility.js";

/** @import { ChartLine } from "./chart.js" */

/** @typedef {[x: number, y: number]} Pixel */

const PADDING = 3;
const SHORTEST_MS = 60_000;

export class Sparkline {
  #canvas;
  #line;
  #isVisible = false;
  #ends;
  #draw = () => this.#drawNow();

  /** @param {HTMLCanvasElement} canvas @param {ChartLine & {windowMs: number}} line */
  constructor(canvas, line) {
    this.#canvas = canvas;
    this.#line = line;
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(canvas);
    this.#ends = [
      () => sized.disconnect(),
      whileVisible(canvas, (isVisible) => {
        this.#isVisible = isVisible;
        this.redraw();
      }),
      onThemeChange(() => this.redraw()),
    ];
  }

  redraw() {
    if (this.#isVisible) lineUpdates.request(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
  }

  #resize() {
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#canvas.clientWidth * scale);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * scale);
    this.#drawNow();
  }

  #drawNow() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext("2d");
    if (!width || !height || !context) return;
    context.clearRect(0, 0, width, height);
    const [times, values] = this.#line.drawable();
    const runs = unbrokenRuns(times, values, this.#projection(times, values, width, height));
    for (const run of runs) this.#drawLine(context, run, height);
    for (const run of runs) if (run.length === 1 || run === runs.at(-1)) this.#drawDot(context, run[run.length - 1]);
  }

  /**
   * @param {number[]} times
   * @param {(number | null)[]} values
   * @param {number} width
   * @param {number} height
   * @returns {(time: number, value: number) => Pixel}
   */
  #projection(times, values, width, height) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const room = PADDING * (window.devicePixelRatio || 1);
    const end = now();
    // A new device would otherwise be a dash at the right edge for minutes.
    const span = Math.min(this.#line.windowMs, Math.max(SHORTEST_MS, end - (times[0] ?? end)));
    const isFlat = high - low < 1e-12;
    return (time, value) => [
      (1 - (end - time) / span) * (width - room),
      isFlat ? height / 2 : height - room - ((value - low) / (high - low)) * (height - 2 * room),
    ];
  }

  /** @param {CanvasRenderingContext2D} context @param {Pixel[]} points @param {number} height */
  #drawLine(context, points, height) {
    const path = new Path2D();
    for (const [i, [x, y]] of points.entries()) {
      if (i && this.#line.stepped) path.lineTo(x, points[i - 1][1]);
      if (i) path.lineTo(x, y);
      else path.moveTo(x, y);
    }
    const area = new Path2D(path);
    area.lineTo(points[points.length - 1][0], height);
    area.lineTo(points[0][0], height);
    const gradient = context.createLinearGradient(0, 0, 0, height);
    gradient.addColorStop(0, tint(`hue-${this.#line.hue}`, 0.2));
    gradient.addColorStop(1, tint(`hue-${this.#line.hue}`, 0));
    context.fillStyle = gradient;
    context.fill(area);
    context.lineWidth = 1.5 * (window.devicePixelRatio || 1);
    context.lineJoin = "round";
    context.strokeStyle = colour(`hue-${this.#line.hue}`);
    context.stroke(path);
  }

  /** @param {CanvasRenderingContext2D} context @param {Pixel} point */
  #drawDot(context, [x, y]) {
    const radius = 2.25 * (window.devicePixelRatio || 1);
    context.beginPath();
    // A single reading starts at the edge, which must not cut it in half.
    context.arc(x < 0 ? x : Math.max(x, radius), y, radius, 0, 2 * Math.PI);
    context.fillStyle = colour(`hue-${this.#line.hue}`);
    context.fill();
  }
}

/**
 * The projected points as lists between which the line breaks.
 *
 * @param {number[]} times
 * @param {(number | null)[]} values
 * @param {(time: number, value: number) => Pixel} project
 */
function unbrokenRuns(times, values, project) {
  /** @type {Pixel[][]} */
  const runs = [];
  /** @type {Pixel[]} */
  let run = [];
  for (const [i, value] of values.entries()) {
    if (value !== null) run.push(project(times[i], value));
    else if (run.length) {
      runs.push(run);
      run = [];
    }
  }
  if (run.length) runs.push(run);
  return runs;
}
