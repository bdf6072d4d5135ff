// A line the size of a word: the last minutes of a metric on a canvas, moving.

import { now } from "../live/clock.js";
import { strokes } from "../live/pace.js";
import { whileVisible } from "../shell/frame.js";
import { colour, onTheme, tint } from "./palette.js";

const PADDING = 3;
const LEAST_MS = 60_000;

export class Sparkline {
  #draw = () => this.#drawNow();
  #visible = false;
  #ends;

  /** `line`: `{hue, windowMs, stepped, drawn()}`, as of a chart. */
  constructor(canvas, line) {
    this.canvas = canvas;
    this.line = line;
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(canvas);
    this.#ends = [
      () => sized.disconnect(),
      whileVisible(canvas, (visible) => {
        this.#visible = visible;
        this.redraw();
      }),
      onTheme(() => this.redraw()),
    ];
  }

  redraw() {
    if (this.#visible) strokes.ask(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
  }

  #resize() {
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.#drawNow();
  }

  #drawNow() {
    const { width, height } = this.canvas;
    if (!width || !height) return;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const [times, values] = this.line.drawn();
    const runs = unbroken(times, values, this.#projection(times, values, width, height));
    for (const run of runs) this.#stroke(context, run, height);
    for (const run of runs) if (run.length === 1 || run === runs.at(-1)) this.#dot(context, run.at(-1));
  }

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
    // A device that is new would be a dash at the right edge for minutes.
    const span = Math.min(this.line.windowMs, Math.max(LEAST_MS, end - (times[0] ?? end)));
    const flat = high - low < 1e-12;
    return (time, value) => [
      (1 - (end - time) / span) * (width - room),
      flat ? height / 2 : height - room - ((value - low) / (high - low)) * (height - 2 * room),
    ];
  }

  #stroke(context, points, height) {
    const path = new Path2D();
    points.forEach(([x, y], i) => {
      if (!i) path.moveTo(x, y);
      else {
        if (this.line.stepped) path.lineTo(x, points[i - 1][1]);
        path.lineTo(x, y);
      }
    });
    const area = new Path2D(path);
    area.lineTo(points.at(-1)[0], height);
    area.lineTo(points[0][0], height);
    const gradient = context.createLinearGradient(0, 0, 0, height);
    gradient.addColorStop(0, tint(`hue-${this.line.hue}`, 0.2));
    gradient.addColorStop(1, tint(`hue-${this.line.hue}`, 0));
    context.fillStyle = gradient;
    context.fill(area);
    context.lineWidth = 1.5 * (window.devicePixelRatio || 1);
    context.lineJoin = "round";
    context.strokeStyle = colour(`hue-${this.line.hue}`);
    context.stroke(path);
  }

  #dot(context, [x, y]) {
    const radius = 2.25 * (window.devicePixelRatio || 1);
    context.beginPath();
    // A lone reading starts at the edge, which must not cut it in half.
    context.arc(x < 0 ? x : Math.max(x, radius), y, radius, 0, 2 * Math.PI);
    context.fillStyle = colour(`hue-${this.line.hue}`);
    context.fill();
  }
}

/** The points as lists between which the line breaks. */
function unbroken(times, values, project) {
  const runs = [];
  let run = [];
  for (let i = 0; i < times.length; i++) {
    if (values[i] === null) {
      if (run.length) runs.push(run);
      run = [];
    } else run.push(project(times[i], values[i]));
  }
  if (run.length) runs.push(run);
  return runs;
}
