// The charts of a device, most important metric first, and its track.

import { ChartPanel } from "../charts/chart_panel.js";
import { chosenRange } from "../charts/time_range.js";
import { TrackPanel } from "../charts/track_panel.js";
import { find, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { unitOf, wordsOf } from "./attributes.js";
import { byImportance, isPosition, positionOf } from "./metrics.js";

/** @import { Attributes, Latest, PointsByMetric, Value } from "../live/protocol.d.ts" */

const FIRST_CHARTS = 24;

export class DeviceCharts {
  #root;
  #uid;
  /** @type {Map<string, ChartPanel>} by metric */
  #panels = new Map();
  /** @type {TrackPanel | null} */
  #track = null;
  #limit = FIRST_CHARTS;
  /** @type {Latest} */
  #latest = {};
  /** @type {Attributes} */
  #attributes = {};

  /** @param {ParentNode} root @param {string} uid */
  constructor(root, uid) {
    this.#root = root;
    this.#uid = uid;
    find(root, "more").addEventListener("click", () => {
      this.#limit = Infinity;
      this.arrange(this.#latest, this.#attributes);
    });
  }

  /** Adds the charts that are missing, and puts all in order. @param {Latest} latest @param {Attributes} attributes */
  arrange(latest, attributes) {
    this.#latest = latest;
    this.#attributes = attributes;
    const names = byImportance(latest, attributes).filter((name) => typeof latest[name][1] !== "string");
    const position = positionOf(names);
    const charts = find(this.#root, "charts");
    if (position && !this.#track) {
      this.#track = new TrackPanel(this.#uid, position, chosenRange());
      charts.prepend(this.#track.element);
    }
    const wanted = names.filter((name) => !(position && isPosition(name)));
    for (const metric of wanted.slice(0, this.#limit)) if (!this.#panels.has(metric)) this.#addPanel(metric);
    for (const metric of wanted) {
      const panel = this.#panels.get(metric);
      if (panel) charts.append(panel.element);
    }
    this.#showMoreButton(wanted.length - this.#limit);
    const hasOnlyTexts = names.length === 0 && Object.keys(latest).length > 0;
    find(this.#root, "layout").classList.toggle("without-charts", hasOnlyTexts);
  }

  /** Shows the newest value in the legend of its chart. @param {string} metric @param {Value} value */
  setValue(metric, value) {
    this.#panels.get(metric)?.setValue(metric, value);
  }

  /** @param {PointsByMetric} points */
  add(points) {
    for (const [metric, added] of Object.entries(points)) this.#panels.get(metric)?.add(metric, added);
    this.#track?.add(points);
  }

  /** Removes the chart of a metric that is gone. @param {string} metric */
  remove(metric) {
    const panel = this.#panels.get(metric);
    panel?.destroy();
    panel?.element.remove();
    this.#panels.delete(metric);
  }

  reload() {
    for (const panel of this.#panels.values()) panel.reload();
    this.#track?.reload();
  }

  /** Shows another window. @param {number} windowMs */
  show(windowMs) {
    for (const panel of this.#panels.values()) panel.show(windowMs);
    this.#track?.show(windowMs);
  }

  /** @param {string} metric */
  #addPanel(metric) {
    const [, value] = this.#latest[metric];
    const line = { metric, unit: unitOf(this.#attributes, metric), boolean: typeof value === "boolean" };
    const lines = [{ ...line, words: wordsOf(this.#attributes, metric) }];
    const options = { title: titleOf(metric), windowMs: chosenRange(), sync: "device" };
    const panel = new ChartPanel(this.#uid, lines, options);
    this.#panels.set(metric, panel);
    panel.setValue(metric, value);
  }

  /** @param {number} hidden */
  #showMoreButton(hidden) {
    find(this.#root, "more").hidden = hidden <= 0;
    setText(find(this.#root, "more"), `Show ${hidden} more ${hidden === 1 ? "chart" : "charts"}`);
  }
}
