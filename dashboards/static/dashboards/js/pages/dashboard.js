// A dashboard: its widgets, and the stream that keeps them up to date.

import { sinceText } from "../device/availability.js";
import { CommandSender } from "../device/command_sender.js";
import { setAvailability } from "../device/status_labels.js";
import { now } from "../live/hub_clock.js";
import { everySecond } from "../shell/animation_frames.js";
import { find, pageData, select, selectAll, setText } from "../shell/dom.js";
import { moment } from "../shell/times.js";
import { makeWidget } from "../widgets/make_widget.js";
import { connection, feed } from "./page_connection.js";

/** @import { DeviceSnapshot, PointsByMetric, Value } from "../live/protocol.d.ts" */
/** @import { Widget, WidgetSpec } from "../widgets/widget.js" */

const page = pageData();
/** @type {Record<string, DeviceSnapshot>} */
const snapshots = page.snapshots;
const commands = new CommandSender(connection);
/** @type {Map<string, Widget[]>} by uid */
const widgets = new Map();
/** @type {Map<string, {status: string, at: number}>} by uid */
const statuses = new Map();
const disabled = page.may_command ? "" : "You are a viewer here. Operators and managers can use the controls.";

function build() {
  for (const spec of /** @type {WidgetSpec[]} */ (page.widgets)) {
    const { device, latest } = snapshots[spec.device];
    const send = commands.send.bind(commands);
    const widget = makeWidget(spec, {
      attributes: device.attributes,
      aliases: device.aliases ?? {},
      latest,
      send,
      disabled,
    });
    find(select(document, `[data-widget="${spec.id}"]`), "body").append(widget.element);
    widgets.set(spec.device, [...(widgets.get(spec.device) ?? []), widget]);
  }
}

/** @param {string} uid @param {DeviceSnapshot} snapshot */
function showSnapshot(uid, { availability, availability_at: at, latest }) {
  showStatus(uid, availability, at ?? 0);
  for (const widget of widgets.get(uid) ?? [])
    for (const [metric, [, value]] of Object.entries(latest)) widget.setValue(metric, value);
}

/** @param {string} uid */
function reload(uid) {
  for (const widget of widgets.get(uid) ?? []) widget.reload();
}

/** @param {string} uid @param {PointsByMetric} points */
function showTelemetry(uid, points) {
  for (const widget of widgets.get(uid) ?? []) {
    for (const [metric, added] of Object.entries(points))
      widget.setValue(metric, /** @type {Value} */ (added.at(-1)?.[1]));
    widget.add(points);
  }
}

/** @param {string} uid @param {string} status @param {number} at */
function showStatus(uid, status, at) {
  statuses.set(uid, { status, at });
  for (const dot of selectAll(document, `[data-device-status="${CSS.escape(uid)}"]`)) {
    setAvailability(dot, status);
    dot.closest(".widget")?.setAttribute("data-status", status);
  }
  showSilence();
}

/** A value that no longer changes needs a note: it would look like the value of a calm device. */
function showSilence() {
  for (const [uid, { status, at }] of statuses) {
    const text = status === "stale" ? sinceText(status, at, now()) : "";
    for (const note of selectAll(document, `[data-silent="${CSS.escape(uid)}"]`)) setText(note, text);
  }
}

build();
for (const [uid, snapshot] of Object.entries(snapshots)) showSnapshot(uid, snapshot);
feed.watchDashboard(page.id, Object.keys(snapshots), {
  revision: (revision) => revision === page.revision || location.reload(), // the server renders the tiles
  snapshot: (uid, snapshot) => {
    showSnapshot(uid, snapshot);
    reload(uid);
  },
  telemetry: showTelemetry,
  missed: reload,
  availability: (uid, { status, at }) => showStatus(uid, status, at),
  command: (_, push) => commands.handlePush(push),
  refused: () => location.reload(),
});
everySecond(() => {
  setText(find(document, "clock"), moment(now(), now()));
  showSilence();
});
