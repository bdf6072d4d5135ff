// A dashboard: its widgets, and the stream that keeps them moving.

import { sinceText } from "../device/availability.js";
import { Commands } from "../device/commands.js";
import { now } from "../live/clock.js";
import { connection, feed } from "../live/page_connection.js";
import { pageData, setAvailability, setText } from "../shell/dom.js";
import { moment } from "../shell/format.js";
import { everySecond } from "../shell/frame.js";
import { makeWidget } from "../widgets/widgets.js";

const { id, revision, may_command: mayCommand, snapshots, widgets: specs } = pageData();
const commands = new Commands(connection);
const widgets = new Map(); // uid -> [widget]
const disabled = mayCommand ? "" : "You watch here as a viewer. Operators and managers can use the controls.";

function build() {
  for (const spec of specs) {
    const { device, latest } = snapshots[spec.device];
    const send = (uid, name, args) => commands.send(uid, name, args);
    const widget = makeWidget(spec, { attributes: device.attributes, latest, send, disabled });
    document.querySelector(`[data-widget="${spec.id}"] [data-body]`).append(widget.element);
    if (!widgets.has(spec.device)) widgets.set(spec.device, []);
    widgets.get(spec.device).push(widget);
  }
}

function show(uid, { availability, availability_at: at, latest }) {
  showStatus(uid, availability, at);
  for (const widget of widgets.get(uid) ?? []) {
    for (const [metric, [time, value]] of Object.entries(latest)) widget.take(metric, time, value);
  }
}

function reload(uid) {
  for (const widget of widgets.get(uid) ?? []) widget.reload();
}

function takeTelemetry(uid, columns) {
  for (const widget of widgets.get(uid) ?? []) {
    for (const [metric, points] of Object.entries(columns)) widget.take(metric, ...points.at(-1));
    widget.add(columns);
  }
}

const statuses = new Map(); // uid -> [status, MS]

function showStatus(uid, status, at) {
  statuses.set(uid, [status, at]);
  for (const dot of document.querySelectorAll(`[data-device-status="${CSS.escape(uid)}"]`)) {
    setAvailability(dot, status);
    dot.closest(".widget").dataset.status = status;
  }
  showSilence();
}

/** A value that does not move any more needs a word: it looks like that of a calm device. */
function showSilence() {
  for (const [uid, [status, at]] of statuses) {
    const text = status === "stale" ? sinceText(status, at, now()) : "";
    for (const note of document.querySelectorAll(`[data-silent="${CSS.escape(uid)}"]`)) setText(note, text);
  }
}

build();
for (const [uid, snapshot] of Object.entries(snapshots)) show(uid, snapshot);
feed.watchDashboard(id, Object.keys(snapshots), {
  revision: (present) => present === revision || location.reload(), // the server draws the tiles
  snapshot: (uid, snapshot) => {
    show(uid, snapshot);
    reload(uid);
  },
  telemetry: takeTelemetry,
  missed: reload,
  availability: (uid, { status, at }) => showStatus(uid, status, at),
  command: (uid, push) => commands.take(push),
  refused: () => location.reload(),
});
everySecond(() => {
  setText(document.querySelector("[data-clock]"), moment(now(), now()));
  showSilence();
});
