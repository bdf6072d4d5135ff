// The track of a device, drawn to scale without map tiles: nothing is fetched from other servers.

import { inNextFrame } from "../shell/animation_frames.js";
import { colour, font, onThemeChange, tint } from "../shell/colours.js";
import { fit, gridMetres } from "./map_projection.js";

/** @import { Projection } from "./map_projection.js" */
/** @import { Position } from "./positions.js" */

/** @typedef {[x: number, y: number]} Pixel */

export class TrackMap {
  #canvas;
  #positions;
  #scale = 1;
  #ends;
  #draw = () => this.#drawNow();
  /** @type {number | null} in degrees */
  heading = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => (Position | null)[]} positions  oldest first, `null` where the track breaks
   */
  constructor(canvas, positions) {
    this.#canvas = canvas;
    this.#positions = positions;
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(canvas);
    this.#ends = [() => sized.disconnect(), onThemeChange(() => this.redraw())];
  }

  redraw() {
    inNextFrame(this.#draw);
  }

  destroy() {
    for (const end of this.#ends) end();
  }

  #resize() {
    this.#scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#canvas.clientWidth * this.#scale);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * this.#scale);
    this.#drawNow();
  }

  #drawNow() {
    const context = this.#canvas.getContext("2d");
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    if (!width || !height || !context) return;
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const positions = this.#positions();
    const known = positions.filter((position) => position !== null);
    if (!known.length) return;
    const projection = fit(known, width, height);
    drawGrid(context, projection, width, height);
    drawPath(
      context,
      positions.map((position) => position && projection.project(position)),
    );
    drawDevice(context, projection.project(known[known.length - 1]), this.heading);
    drawScale(context, projection, height);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Projection} projection
 * @param {number} width
 * @param {number} height
 */
function drawGrid(context, projection, width, height) {
  const step = gridMetres(projection) * projection.pixelsPerMetre;
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

const SHADES = 24;

/** Draws the path, paler the older it is. @param {CanvasRenderingContext2D} context @param {(Pixel | null)[]} pixels */
function drawPath(context, pixels) {
  context.lineWidth = 2.5;
  context.lineJoin = "round";
  context.lineCap = "butt"; // pieces overlap: round ends would show as dots
  const size = Math.max(1, Math.ceil((pixels.length - 1) / SHADES));
  for (let from = 0; from < pixels.length - 1; from += size) {
    context.strokeStyle = tint("accent", 0.15 + 0.85 * (from / pixels.length) ** 1.5);
    context.beginPath();
    let isDown = false;
    for (const pixel of pixels.slice(from, from + size + 1)) {
      if (pixel) context[isDown ? "lineTo" : "moveTo"](...pixel);
      isDown = pixel !== null;
    }
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {Pixel} pixel @param {number | null} heading */
function drawDevice(context, [x, y], heading) {
  context.fillStyle = tint("spark", 0.2);
  drawDisc(context, x, y, 14);
  context.fillStyle = colour("spark");
  if (heading === null) {
    drawDisc(context, x, y, 6);
    return;
  }
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
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius */
function drawDisc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {Projection} projection @param {number} height */
function drawScale(context, projection, height) {
  const metres = gridMetres(projection);
  const length = metres * projection.pixelsPerMetre;
  const y = height - 14.5;
  context.strokeStyle = colour("ink-3");
  context.fillStyle = colour("ink-3");
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
