// A device's card: its most important values, and a line of the last minutes that moves.

import { LiveSeries } from "../charts/live_series.js";
import { Sparkline } from "../charts/sparkline.js";
import { now } from "../live/clock.js";
import { figures } from "../live/pace.js";
import { clone, flash, setAvailability, setText } from "../shell/dom.js";
import { formatValue, NumberFormat } from "../shell/format.js";
import { whileVisible } from "../shell/frame.js";
import { sinceText } from "./availability.js";
import { byImportance, hueOf, record, titleOf, unitOf, wordsOf } from "./metrics.js";

const WINDOW_MS = 600_000;
const POINTS = 160;
const MINOR = 3;

export class Card {
  #latest = record(); // metric -> [MS, value]
  #attributes = {};
  #shown = new Map(); // metric -> {parts, numbers, value}
  #lead = null; // {series, sparkline}
  #end = null;
  #draw = () => this.#drawNow();

  constructor(element, feed) {
    this.element = element;
    this.feed = feed;
    this.uid = element.dataset.uid;
    this.status = element.dataset.status;
    this.since = Number(element.dataset.sinceUs) / 1000;
    this.pill = element.querySelector(".availability");
    this.time = element.querySelector("time");
    this.body = clone("card-body");
    element.append(this.body.root);
    this.tick();
    whileVisible(element, (visible) => (visible ? this.#open() : this.close()));
  }

  /** Whether the card is one that the search and the filter ask for. */
  matches(words, status) {
    const text = `${this.element.dataset.name} ${this.uid}`.toLowerCase();
    return (!status || this.status === status) && words.every((word) => text.includes(word));
  }

  setStatus(status, sinceMs) {
    this.status = status;
    this.since = sinceMs;
    this.tick();
  }

  /** Brings ages and the moving line up to date. */
  tick() {
    setAvailability(this.pill, this.status);
    this.element.dataset.status = this.status;
    const text = sinceText(this.status, this.since, now());
    setText(this.time, text);
    this.time.title = text ? `since ${new Date(this.since).toLocaleString()}` : "";
    if (this.#end) this.#lead?.sparkline.redraw();
  }

  /** Takes what the hub knows of the device. */
  take({ device, availability, availability_at: at, latest }) {
    this.#attributes = device.attributes;
    this.#latest = record(latest);
    this.setStatus(availability, at ?? 0);
    this.#arrange();
  }

  #open() {
    this.#end ??= this.feed.watchDevice(this.uid, {
      snapshot: (uid, snapshot) => this.#resume(snapshot),
      telemetry: (uid, columns) => this.#telemetry(columns),
      missed: () => this.#lead?.series.reload(),
      availability: (uid, { status, at }) => this.setStatus(status, at),
    });
  }

  /** Stops following the device. */
  close() {
    this.#end?.();
    this.#end = null;
    this.#lead?.series.close();
  }

  #resume(snapshot) {
    const before = this.#lead;
    this.take(snapshot);
    // A line that has just been made has asked for its history already.
    if (this.#lead === before) before?.series.reload();
  }

  #telemetry(columns) {
    let grown = false;
    for (const [metric, points] of Object.entries(columns)) {
      grown ||= !(metric in this.#latest);
      const newest = points.at(-1);
      if (!this.#latest[metric] || newest[0] >= this.#latest[metric][0]) this.#latest[metric] = newest;
      if (metric === this.#lead?.series.metric) this.#lead.series.add(points);
    }
    if (grown) this.#arrange();
    figures.ask(this.#draw);
  }

  /** Chooses what is shown, most important first. */
  #arrange() {
    const names = byImportance(this.#latest, this.#attributes);
    const [lead, ...others] = names;
    this.body.silent.hidden = names.length > 0;
    this.body.root.classList.toggle("is-silent", !names.length);
    const wanted = [lead, ...others.slice(0, MINOR)].filter((name) => name !== undefined);
    if (wanted.join("\n") !== [...this.#shown.keys()].join("\n")) this.#build(wanted);
    figures.ask(this.#draw);
  }

  #build([lead, ...minor]) {
    this.#shown.clear();
    this.body.minor.replaceChildren();
    if (lead === undefined) return;
    this.#show(lead, this.body);
    for (const metric of minor) {
      const parts = clone("minor-metric");
      this.#show(metric, parts);
      this.body.minor.append(parts.root);
    }
    this.#lead?.series.close();
    this.#lead?.sparkline.destroy();
    this.#lead = this.#follow(lead);
  }

  #show(metric, parts) {
    setText(parts.name, titleOf(metric));
    parts.name.title = metric;
    this.#shown.set(metric, { parts, numbers: new NumberFormat(), value: undefined });
  }

  #follow(metric) {
    const value = this.#latest[metric][1];
    this.body.sparkline.hidden = typeof value === "string";
    const hue = hueOf(metric, unitOf(this.#attributes, metric));
    this.body.root.className = `device-card-body hue-${hue}`;
    const line = { hue, windowMs: WINDOW_MS, stepped: typeof value === "boolean", drawn: () => series.drawn() };
    const sparkline = new Sparkline(this.body.sparkline, line);
    const series = new LiveSeries(this.uid, metric, {
      windowMs: WINDOW_MS,
      points: POINTS,
      changed: () => sparkline.redraw(),
    });
    if (this.#end && typeof value !== "string") series.reload();
    return { series, sparkline };
  }

  #drawNow() {
    for (const [metric, shown] of this.#shown) {
      const value = this.#latest[metric]?.[1];
      if (value === shown.value) continue;
      setText(shown.parts.value, formatValue(value, shown.numbers, wordsOf(this.#attributes, metric)));
      setText(shown.parts.unit, typeof value === "number" ? unitOf(this.#attributes, metric) : "");
      shown.parts.value.title = String(value);
      if (shown.value !== undefined) flash(shown.parts.value.parentElement);
      shown.value = value;
    }
  }
}
