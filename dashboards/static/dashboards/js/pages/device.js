// One device: charts, newest values, controls, commands, refused messages, and its room.

import { initTimeRange } from "../charts/time_range.js";
import { initAnswersForm, showAnswers } from "../device/answers_form.js";
import { unitOf, wordsOf } from "../device/attributes.js";
import { sinceText } from "../device/availability.js";
import { AvailabilityPanel } from "../device/availability_panel.js";
import { initClockForm, showClock, showClockSettings } from "../device/clock.js";
import { initCommandForm } from "../device/command_form.js";
import { CommandList } from "../device/command_list.js";
import { CommandSender } from "../device/command_sender.js";
import { initDecoderForm } from "../device/decoder_form.js";
import { fetchCommands } from "../device/device_api.js";
import { DeviceCharts } from "../device/device_charts.js";
import { DeviceControls } from "../device/device_controls.js";
import { showFacts } from "../device/facts.js";
import { MetricSettings } from "../device/metric_settings.js";
import { RefusedPanel } from "../device/refused_panel.js";
import { initSilenceForm, showSilenceLimit } from "../device/silence_form.js";
import { setAvailability } from "../device/status_labels.js";
import { TextHint } from "../device/text_hint.js";
import { showUnstored } from "../device/unstored.js";
import { ValueTable } from "../device/value_table.js";
import { countsOf } from "../inbox/inbox_state.js";
import { setBadges } from "../inbox/unread_badges.js";
import { now } from "../live/hub_clock.js";
import { record } from "../live/record.js";
import { RoomView } from "../rooms/room_view.js";
import { everySecond } from "../shell/animation_frames.js";
import { find, pageData, selectAll, setText } from "../shell/dom.js";
import { whileReadable } from "../shell/visibility.js";
import { connection, feed, inbox } from "./page_connection.js";

/** @import { Unstored } from "../device/unstored.js" */
/** @import { Attributes, DeviceSnapshot, Latest, Point, PointsByMetric, Value } from "../live/protocol.d.ts" */

const page = pageData();
/** @type {string} */
const uid = page.uid;
const commands = new CommandSender(connection);
const list = new CommandList(find(document, "commands"), find(document, "no-commands"));
const refused = new RefusedPanel(find(document, "refused"), uid, (found) => setUnstored(found));
const settings = selectAll(document, "[data-metric-settings]", HTMLFormElement).map(
  (form) => new MetricSettings(form, uid),
);
const hints = selectAll(document, "[data-text-hint]").map((element) => new TextHint(element, uid));
const availability = new AvailabilityPanel(find(document, "availability-panel"), uid);
/** @type {Latest} */
const latest = record();
/** @type {Attributes} */
let attributes = {};
let status = "unknown";
let since = 0;
/** @type {Unstored | null} */
let unstored = page.unstored;

const send = (/** @type {string} */ name, /** @type {Record<string, unknown>} */ args) =>
  commands.send(uid, name, args);
const disabled = page.may_command ? "" : "You are a viewer here. Operators and managers can use the controls.";
const charts = new DeviceCharts(document, uid);
const controls = new DeviceControls(document, { send, disabled });
const table = new ValueTable(find(document, "values"), {
  unitOf: (metric) => unitOf(attributes, metric),
  wordsOf: (metric) => wordsOf(attributes, metric),
});

/** @param {string} newStatus @param {number} at @param {string} [via] */
function showAvailability(newStatus, at, via) {
  status = newStatus;
  since = at;
  setAvailability(find(document, "availability"), status, via);
  tick();
}

function tick() {
  setText(find(document, "since"), sinceText(status, since, now()));
  table.tick();
  list.tick();
}

/** Arranges what depends on which metrics there are. */
function arrange() {
  const count = Object.keys(latest).length;
  charts.arrange(latest, attributes);
  find(document, "silent").hidden = count > 0 || unstored !== null;
  find(document, "values-panel").hidden = !count && !settings.some((form) => form.hasMetrics);
  setText(find(document, "values-count"), String(count));
  for (const hint of hints) hint.show(latest);
}

/** @param {Unstored | null} found */
function setUnstored(found) {
  unstored = found;
  showUnstored(find(document, "unstored"), found);
  arrange();
}

/** @param {DeviceSnapshot} snapshot */
function showSnapshot(snapshot) {
  attributes = snapshot.device.attributes;
  showClock(find(document, "clock"), snapshot.device);
  table.refresh();
  showAvailability(snapshot.availability, snapshot.availability_at ?? 0, snapshot.via);
  for (const metric of Object.keys(latest)) if (!(metric in snapshot.latest)) removeMetric(metric);
  for (const [metric, [time, value]] of Object.entries(snapshot.latest)) setValue(metric, time, value);
  showFacts(document, attributes);
  controls.show(attributes, latest, snapshot.device.aliases ?? {});
  arrange();
}

/** Loads all that has a history: pushes bring what changes after the subscription, not what changed before. */
async function reload() {
  charts.reload();
  refused.reload();
  availability.reload();
  for (const form of settings) form.reload();
  const recent = await fetchCommands(uid).catch(() => null);
  if (recent) list.replace(recent);
}

/** Of a metric that was renamed or deleted. @param {string} metric */
function removeMetric(metric) {
  delete latest[metric];
  table.remove(metric);
  charts.remove(metric);
}

/**
 * Shows a value; returns whether its metric is new, or of another type than before.
 *
 * @param {string} metric
 * @param {number} time
 * @param {Value} value
 */
function setValue(metric, time, value) {
  const isNew = !(metric in latest) || typeof latest[metric][1] !== typeof value;
  if (!(metric in latest) || time >= latest[metric][0]) latest[metric] = [time, value];
  const [, newest] = latest[metric];
  table.setValue(metric, time, value);
  controls.setValue(metric, newest);
  charts.setValue(metric, newest);
  return isNew;
}

/** @param {PointsByMetric} points */
function showTelemetry(points) {
  let hasNewMetric = false;
  for (const [metric, added] of Object.entries(points))
    hasNewMetric = setValue(metric, .../** @type {Point} */ (added.at(-1))) || hasNewMetric;
  charts.add(points);
  if (unstored) setUnstored(null);
  else if (hasNewMetric) arrange();
}

showSnapshot(page.snapshot);
list.replace(page.commands);
refused.replace(page.refusals);
for (const form of settings) form.show(page.metrics);
setUnstored(page.unstored);
availability.show(page.availability);
showSilenceLimit(find(document, "silence"), page.silence);
for (const form of selectAll(document, "[data-silence-form]", HTMLFormElement))
  initSilenceForm(form, uid, (limit) => showSilenceLimit(find(document, "silence"), limit));
for (const summary of selectAll(document, "[data-answers]")) showAnswers(summary, page);
for (const form of selectAll(document, "[data-answers-form]", HTMLFormElement))
  initAnswersForm(form, uid, (device) => showAnswers(find(document, "answers"), device));
for (const summary of selectAll(document, "[data-clock-settings]")) showClockSettings(summary, page);
for (const form of selectAll(document, "[data-clock-form]", HTMLFormElement))
  initClockForm(form, uid, (device) => {
    showClockSettings(find(document, "clock-settings"), device);
    showClock(find(document, "clock"), device.device);
  });
for (const form of selectAll(document, "[data-decoder-form]", HTMLFormElement))
  initDecoderForm(form, uid, find(document, "decoder"));
for (const form of selectAll(document, "[data-send-command]", HTMLFormElement))
  initCommandForm(form, (name, args, timeoutS) => commands.issue(uid, name, args, timeoutS));
feed.watchDevice(uid, {
  snapshot: (_, snapshot) => {
    showSnapshot(snapshot);
    reload();
  },
  telemetry: (_, points) => showTelemetry(points),
  missed: () => charts.reload(),
  availability: (_, push) => {
    showAvailability(push.status, push.at, push.via);
    availability.reload();
  },
  command: (_, push) => {
    list.update(push);
    commands.handlePush(push);
  },
  refused: () => location.reload(), // the rights are gone: the server renders what is left to see
});
initTimeRange(find(document, "ranges"), (windowMs) => charts.show(windowMs));
everySecond(tick);

const toRoom = find(document, "to-room");
const link = (/** @type {number} */ seq) => `/devices/${encodeURIComponent(uid)}/?seq=${seq}#room`;
const { room, person, open_at: openAt } = page;
new RoomView(find(document, "room"), { room, person, openAt, connection, feed, link });
whileReadable(find(document, "log"), (isReadable) => {
  toRoom.hidden = isReadable;
});
inbox.onState((state) => setBadges(toRoom, countsOf(state, room.id)));
