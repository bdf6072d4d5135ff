// A dial of 240 degrees, drawn as SVG.

import { clone } from "./dom.js";

const RADIUS = 80;
const SWEEP = (240 / 360) * 2 * Math.PI * RADIUS;

export class Gauge {
  constructor({ min = 0, max = 100 }) {
    Object.assign(this, { min, max });
    this.parts = clone("gauge");
    this.parts.arc.style.strokeDasharray = `0 ${2 * SWEEP}`;
  }

  get element() {
    return this.parts.root;
  }

  show(value) {
    const share = Math.min(1, Math.max(0, (value - this.min) / (this.max - this.min)));
    // An empty dash with a round cap would still draw a dot.
    this.parts.arc.style.visibility = share > 0 ? "visible" : "hidden";
    this.parts.arc.style.strokeDasharray = `${share * SWEEP} ${2 * SWEEP}`;
  }
}
