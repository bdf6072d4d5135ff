// The card of a device in the fleet: its most important values, and a moving line of the last minutes.

import { LiveSeries } from "../charts/live_series.js";
import { Sparkline } from "../charts/sparkline.js";
import { now } from "../live/hub_clock.js";
import { record } from "../live/record.js";
import { hueOfMetric } from "../shell/colours.js";
import { clone, find, flash, select, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { textUpdates } from "../shell/throttle.js";
import { whileVisible } from "../shell/visibility.js";
import { unitOf, wordsOf } from "./attributes.js";
import { sinceText } from "./availability.js";
import { showClock } from "./clock.js";
import { byImportance } from "./metrics.js";
import { setAvailability } from "./status_labels.js";
import { reasonText } from "./unstored.js";

/** @import { DeviceFeed } from "../live/device_feed.js" */
/** @import { Attributes, DeviceSnapshot, Latest, Point, PointsByMetric, Value } from "../live/protocol.d.ts" */
/** @import { Parts } from "../shell/dom.js" */
/** @import { Unstored } from "./unstored.js" */

/** @typedef {{parts: Parts, numbers: NumberFormat, value?: Value}} ShownMetric */

const WINDOW_MS = 600_000;
const POINTS = 160;
const MINOR_METRICS = 3;

export class DeviceCard {
  #feed;
  #pill;
  #time;
  #clock;
  #body;
  /** @type {Latest} */
  #latest = record();
  /** @type {Attributes} */
  #attributes = {};
  /** @type {Map<string, ShownMetric>} by metric */
  #shown = new Map();
  /** @type {{series: LiveSeries, sparkline: Sparkline} | null} of the most important metric */
  #lead = null;
  /** @type {(() => void) | null} */
  #unwatch = null;
  #isUnstored = false;
  #storedAt = 0;
  #draw = () => this.#drawNow();

  /** @param {HTMLElement} element @param {DeviceFeed} feed */
  constructor(element, feed) {
    this.element = element;
    this.#feed = feed;
    this.uid = String(element.dataset.uid);
    this.status = String(element.dataset.status);
    this.since = Number(element.dataset.sinceUs) / 1000;
    this.#pill = select(element, ".availability");
    this.#time = select(element, "time");
    this.#clock = find(element, "clock");
    this.#body = clone("card-body");
    element.append(this.#body.root);
    this.tick();
    whileVisible(element, (isVisible) => (isVisible ? this.#open() : this.close()));
  }

  /** Whether the card matches search and filter. @param {string[]} words @param {string} status  "" for any */
  matches(words, status) {
    const text = `${this.element.dataset.name} ${this.uid}`.toLowerCase();
    return (!status || this.status === status) && words.every((word) => text.includes(word));
  }

  /** @param {string} status @param {number} sinceMs */
  setStatus(status, sinceMs) {
    this.status = status;
    this.since = sinceMs;
    this.tick();
  }

  /** Shows why nothing of what the device sends is stored. @param {Unstored | null} unstored */
  setUnstored(unstored) {
    if (!unstored && !this.#isUnstored) return;
    if (unstored && unstored.at <= this.#storedAt) return; // the hub remembers it for a while
    this.#isUnstored = unstored !== null;
    this.#body.unstored.hidden = !unstored;
    setText(this.#body.reason, unstored ? reasonText(unstored) : "");
    this.#arrange();
  }

  /** Brings the age and the moving line up to date. */
  tick() {
    setAvailability(this.#pill, this.status);
    this.element.dataset.status = this.status;
    const text = sinceText(this.status, this.since, now());
    setText(this.#time, text);
    this.#time.title = text ? `since ${new Date(this.since).toLocaleString()}` : "";
    if (this.#unwatch) this.#lead?.sparkline.redraw();
  }

  /** @param {DeviceSnapshot} snapshot */
  showSnapshot({ device, availability, availability_at: at, latest }) {
    this.#attributes = device.attributes;
    showClock(this.#clock, device);
    this.#latest = record(latest);
    this.setStatus(availability, at ?? 0);
    this.#arrange();
  }

  #open() {
    this.#unwatch ??= this.#feed.watchDevice(this.uid, {
      snapshot: (_, snapshot) => this.#resume(snapshot),
      telemetry: (_, points) => this.#add(points),
      missed: () => this.#lead?.series.reload(),
      availability: (_, { status, at }) => this.setStatus(status, at),
    });
  }

  /** Stops following the device. */
  close() {
    this.#unwatch?.();
    this.#unwatch = null;
    this.#lead?.series.close();
  }

  /** @param {DeviceSnapshot} snapshot */
  #resume(snapshot) {
    const before = this.#lead;
    this.showSnapshot(snapshot);
    // A line that has just been made has asked for its history already.
    if (this.#lead === before) before?.series.reload();
  }

  /** @param {PointsByMetric} points */
  #add(points) {
    let hasNewMetric = false;
    this.#storedAt = now();
    if (this.#isUnstored) this.setUnstored(null);
    for (const [metric, added] of Object.entries(points)) {
      hasNewMetric ||= !(metric in this.#latest);
      const newest = /** @type {Point} */ (added.at(-1));
      if (!this.#latest[metric] || newest[0] >= this.#latest[metric][0]) this.#latest[metric] = newest;
      if (metric === this.#lead?.series.metric) this.#lead.series.add(added);
    }
    if (hasNewMetric) this.#arrange();
    textUpdates.request(this.#draw);
  }

  /** Chooses the metrics that are shown, most important first. */
  #arrange() {
    const names = byImportance(this.#latest, this.#attributes);
    this.#body.silent.hidden = names.length > 0 || this.#isUnstored;
    this.#body.root.classList.toggle("is-silent", !names.length);
    const wanted = names.slice(0, 1 + MINOR_METRICS);
    if (wanted.join("\n") !== [...this.#shown.keys()].join("\n")) this.#build(wanted);
    textUpdates.request(this.#draw);
  }

  /** @param {string[]} metrics */
  #build([lead, ...minor]) {
    this.#shown.clear();
    this.#body.minor.replaceChildren();
    if (lead === undefined) return;
    this.#show(lead, this.#body);
    for (const metric of minor) {
      const parts = clone("minor-metric");
      this.#show(metric, parts);
      this.#body.minor.append(parts.root);
    }
    this.#lead?.series.close();
    this.#lead?.sparkline.destroy();
    this.#lead = this.#makeLine(lead);
  }

  /** @param {string} metric @param {Parts} parts */
  #show(metric, parts) {
    setText(parts.name, titleOf(metric));
    parts.name.title = metric;
    this.#shown.set(metric, { parts, numbers: new NumberFormat() });
  }

  /** @param {string} metric */
  #makeLine(metric) {
    const value = this.#latest[metric][1];
    this.#body.sparkline.hidden = typeof value === "string";
    const hue = hueOfMetric(metric, unitOf(this.#attributes, metric));
    this.#body.root.className = `device-card-body hue-${hue}`;
    const stepped = typeof value === "boolean";
    const line = { hue, windowMs: WINDOW_MS, stepped, drawable: () => series.drawable() };
    const sparkline = new Sparkline(this.#body.sparkline, line);
    const options = { windowMs: WINDOW_MS, points: POINTS, changed: () => sparkline.redraw() };
    const series = new LiveSeries(this.uid, metric, options);
    if (this.#unwatch && typeof value !== "string") series.reload();
    return { series, sparkline };
  }

  #drawNow() {
    for (const [metric, shown] of this.#shown) {
      const value = this.#latest[metric]?.[1];
      if (value === shown.value) continue;
      const { parts, numbers } = shown;
      setText(parts.value, formatValue(value, numbers, wordsOf(this.#attributes, metric)));
      setText(parts.unit, typeof value === "number" ? unitOf(this.#attributes, metric) : "");
      parts.value.title = String(value);
      if (shown.value !== undefined) flash(parts.value.parentElement);
      shown.value = value;
    }
  }
}
