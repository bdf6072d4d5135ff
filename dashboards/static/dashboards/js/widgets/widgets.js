// The tiles of a dashboard. Each has `element`, `take(metric, time, value)` for the newest value, `add(columns)` for
// live telemetry, and `reload()` for whenever the page has been subscribed.

import { ChartPanel } from "../charts/chart_panel.js";
import { LiveSeries } from "../charts/live_series.js";
import { Sparkline } from "../charts/sparkline.js";
import { TrackPanel } from "../charts/track_panel.js";
import { makeControl } from "../device/controls.js";
import { buttonsOf, controlsOf, hueOf, positionOf, unitOf, wordsOf } from "../device/metrics.js";
import { figures } from "../live/pace.js";
import { clone, flash, setText } from "../shell/dom.js";
import { compact, formatValue, NumberFormat } from "../shell/format.js";
import { whileVisible } from "../shell/frame.js";

const MINUTES = 10;
const SPARK_POINTS = 160;
const windowOf = (options) => (options.minutes ?? MINUTES) * 60_000;

class ChartWidget {
  constructor({ device, metrics, options, title }, { attributes, latest }) {
    const specs = metrics.map((metric, i) => ({
      metric,
      unit: unitOf(attributes, metric),
      boolean: typeof latest[metric]?.[1] === "boolean",
      words: wordsOf(attributes, metric),
      hue: options.hues?.[i],
    }));
    this.panel = new ChartPanel(device, specs, {
      title,
      windowMs: windowOf(options),
      sync: "dashboard",
      template: "widget-chart",
    });
    this.element = this.panel.element;
  }

  take(metric, time, value) {
    this.panel.report(metric, value);
  }

  add(columns) {
    for (const [metric, points] of Object.entries(columns)) this.panel.add(metric, points);
  }

  reload() {
    this.panel.reload();
  }
}

/** One number, written large: what values and gauges share. */
class Figure {
  #numbers = new NumberFormat();
  #draw = () => this.draw();

  constructor(template, { metrics }, { attributes }) {
    [this.metric] = metrics;
    this.attributes = attributes;
    this.parts = clone(template);
    this.element = this.parts.root;
    this.element.classList.add(`hue-${hueOf(this.metric, unitOf(attributes, this.metric))}`);
  }

  take(metric, time, value) {
    if (metric !== this.metric) return;
    this.changed = this.value !== undefined && this.value !== value;
    this.value = value;
    figures.ask(this.#draw);
  }

  draw() {
    const { value, parts } = this;
    setText(parts.value, formatValue(value, this.#numbers, wordsOf(this.attributes, this.metric)));
    setText(parts.unit, typeof value === "number" ? unitOf(this.attributes, this.metric) : "");
    parts.value.title = String(value);
    if (this.changed) flash(parts.cell);
    this.changed = false;
  }

  add() {}
  reload() {}
}

class ValueWidget extends Figure {
  #opened = false;

  constructor(spec, device) {
    super("widget-value", spec, device);
    const windowMs = windowOf(spec.options);
    const hue = hueOf(this.metric, unitOf(device.attributes, this.metric));
    const stepped = typeof device.latest[this.metric]?.[1] === "boolean";
    this.sparkline = new Sparkline(this.parts.sparkline, { hue, windowMs, stepped, drawn: () => this.series.drawn() });
    this.series = new LiveSeries(spec.device, this.metric, {
      windowMs,
      points: SPARK_POINTS,
      changed: () => this.sparkline.redraw(),
    });
    whileVisible(this.element, (visible) => visible && this.#open());
  }

  add(columns) {
    if (columns[this.metric]) this.series.add(columns[this.metric]);
  }

  reload() {
    if (this.#opened) this.series.reload();
  }

  #open() {
    if (this.#opened) return;
    this.#opened = true;
    this.series.reload();
  }
}

const DIAL_RADIUS = 80;
/** Length of the dial's arc: 240 degrees. */
const DIAL_SWEEP = (240 / 360) * 2 * Math.PI * DIAL_RADIUS;

class GaugeWidget extends Figure {
  constructor(spec, device) {
    super("widget-gauge", spec, device);
    const { min = 0, max = 100 } = spec.options;
    Object.assign(this, { min, max });
    this.element.setAttribute("aria-label", spec.title);
    setText(this.parts.min, compact(min));
    setText(this.parts.max, compact(max));
    this.#turn(min);
  }

  draw() {
    super.draw();
    if (typeof this.value === "number") this.#turn(this.value);
  }

  #turn(value) {
    const share = Math.min(1, Math.max(0, (value - this.min) / (this.max - this.min)));
    const { style } = this.parts.arc;
    // An empty dash with a round cap would still be drawn as a dot.
    style.visibility = share > 0 ? "visible" : "hidden";
    style.strokeDasharray = `${share * DIAL_SWEEP} ${2 * DIAL_SWEEP}`;
  }
}

class ControlWidget {
  #controls = new Map();

  constructor({ device, metrics }, { attributes, send, disabled }) {
    this.element = document.createElement("div");
    this.element.className = "controls";
    const offered = [...controlsOf(attributes), ...buttonsOf(attributes)];
    for (const name of metrics) {
      const spec = offered.find((one) => (one.arg ?? one.name) === name);
      if (!spec) continue;
      const control = makeControl(spec, {
        send: (command, args) => send(device, command, args),
        disabled,
        unit: unitOf(attributes, name),
      });
      this.#controls.set(name, control);
      this.element.append(control.element);
    }
  }

  take(metric, time, value) {
    this.#controls.get(metric)?.report(value);
  }

  add() {}
  reload() {}
}

class MapWidget {
  constructor({ device, metrics, options }) {
    this.panel = new TrackPanel(device, positionOf(metrics) ?? {}, windowOf(options), { template: "widget-map" });
    this.element = this.panel.element;
  }

  take() {}

  add(columns) {
    this.panel.add(columns);
  }

  reload() {
    this.panel.reload();
  }
}

const KINDS = { chart: ChartWidget, value: ValueWidget, gauge: GaugeWidget, control: ControlWidget, map: MapWidget };

/**
 * The widget for `spec` (kind, device, title, metrics, options); `device` has `attributes`, `latest`, `send` and
 * `disabled`, the reason why this person may not command it, or empty.
 */
export function makeWidget(spec, device) {
  return new KINDS[spec.kind](spec, device);
}
