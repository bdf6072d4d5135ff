// Where a device has been: its positions drawn to scale, north up. No map tiles, nothing from outside.

import { inNextFrame } from "../shell/frame.js";
import { colour, font, onTheme, tint } from "./palette.js";

const METRES_PER_DEGREE = 111_320;
const MARGIN = 32;
const LEAST_M = 40; // a parked device is a dot, not the noise of its receiver blown up
const GRID_STEPS = [1, 2, 5];

export class Track {
  #draw = () => this.#drawNow();
  #ends;

  /** `points()` gives `[[MS, latitude, longitude], …]`, oldest first, `null` where the track breaks. */
  constructor(canvas, points) {
    this.canvas = canvas;
    this.points = points;
    this.heading = null;
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(canvas);
    this.#ends = [() => sized.disconnect(), onTheme(() => this.redraw())];
  }

  redraw() {
    inNextFrame(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
  }

  #resize() {
    this.scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * this.scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * this.scale);
    this.#drawNow();
  }

  #drawNow() {
    const context = this.canvas.getContext("2d");
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const points = this.points();
    const known = points.filter(Boolean);
    if (!known.length) return;
    const view = fit(known, width, height);
    drawGrid(context, view, width, height);
    drawPath(
      context,
      points.map((point) => point && view.project(point)),
    );
    drawHere(context, view.project(known.at(-1)), this.heading);
    drawScale(context, view, height);
  }
}

/** Projects around the middle of the track; over a few hundred kilometres the flat picture is near enough. */
function fit(points, width, height) {
  const latitudes = points.map((point) => point[1]);
  const longitudes = points.map((point) => point[2]);
  const extent = (list) =>
    list.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  const [south, north] = extent(latitudes);
  const [west, east] = extent(longitudes);
  const middle = [(south + north) / 2, (west + east) / 2];
  const perDegree = [METRES_PER_DEGREE, METRES_PER_DEGREE * Math.max(0.01, Math.cos((middle[0] * Math.PI) / 180))];
  const metres = [Math.max(LEAST_M, (north - south) * perDegree[0]), Math.max(LEAST_M, (east - west) * perDegree[1])];
  const pixels = Math.min((height - 2 * MARGIN) / metres[0], (width - 2 * MARGIN) / metres[1]);
  return {
    pixelsPerMetre: pixels,
    project: ([, latitude, longitude]) => [
      width / 2 + (longitude - middle[1]) * perDegree[1] * pixels,
      height / 2 - (latitude - middle[0]) * perDegree[0] * pixels,
    ],
  };
}

/** Metres between grid lines: 1, 2 or 5 times a power of ten, about 80 pixels. */
function gridMetres({ pixelsPerMetre }) {
  const wanted = 80 / pixelsPerMetre;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * (GRID_STEPS.find((step) => step * power >= wanted) ?? 10);
}

function drawGrid(context, view, width, height) {
  const step = gridMetres(view) * view.pixelsPerMetre;
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.beginPath();
  for (let x = (width / 2) % step; x < width; x += step) {
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, height);
  }
  for (let y = (height / 2) % step; y < height; y += step) {
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(width, Math.round(y) + 0.5);
  }
  context.stroke();
}

const FADES = 24;

/** The path, paler the older it is. */
function drawPath(context, pixels) {
  context.lineWidth = 2.5;
  context.lineJoin = "round";
  context.lineCap = "butt"; // pieces overlap: round ends would show as dots
  const size = Math.max(1, Math.ceil((pixels.length - 1) / FADES));
  for (let from = 0; from < pixels.length - 1; from += size) {
    const part = pixels.slice(from, from + size + 1);
    const age = 1 - from / pixels.length;
    context.strokeStyle = tint("accent", 0.15 + 0.85 * (1 - age) ** 1.5);
    context.beginPath();
    let down = false;
    for (const point of part) {
      if (point) context[down ? "lineTo" : "moveTo"](...point);
      down = Boolean(point);
    }
    context.stroke();
  }
}

function drawHere(context, [x, y], heading) {
  context.fillStyle = tint("spark", 0.2);
  disc(context, x, y, 14);
  context.fillStyle = colour("spark");
  if (heading === null) return disc(context, x, y, 6);
  context.save();
  context.translate(x, y);
  context.rotate((heading * Math.PI) / 180);
  context.beginPath();
  context.moveTo(0, -9);
  context.lineTo(6.5, 7);
  context.lineTo(0, 3.5);
  context.lineTo(-6.5, 7);
  context.closePath();
  context.fill();
  return context.restore();
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawScale(context, view, height) {
  const metres = gridMetres(view);
  const length = metres * view.pixelsPerMetre;
  const y = height - 14.5;
  context.strokeStyle = context.fillStyle = colour("ink-3");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(12.5, y - 4);
  context.lineTo(12.5, y);
  context.lineTo(12.5 + length, y);
  context.lineTo(12.5 + length, y - 4);
  context.stroke();
  context.font = font(11);
  context.fillText(metres >= 1000 ? `${metres / 1000} km` : `${metres} m`, 20, y - 6);
}
