// One device: charts, newest values, controls, commands, refused messages.

import { ChartPanel } from "../charts/chart_panel.js";
import { chosenRange, onRange } from "../charts/time_range.js";
import { TrackPanel } from "../charts/track_panel.js";
import { sinceText } from "../device/availability.js";
import { AvailabilityPanel } from "../device/availability_panel.js";
import { commandForm } from "../device/command_form.js";
import { CommandList } from "../device/command_list.js";
import { Commands } from "../device/commands.js";
import { makeControl } from "../device/controls.js";
import { fetchCommands } from "../device/device_api.js";
import {
  buttonsOf,
  byImportance,
  controlsOf,
  factsOf,
  isPosition,
  positionOf,
  record,
  titleOf,
  unitOf,
  wordsOf,
} from "../device/metrics.js";
import { RefusedPanel } from "../device/refused_panel.js";
import { showSilence, silenceForm } from "../device/silence_form.js";
import { ValueTable } from "../device/value_table.js";
import { setBadges } from "../inbox/badges.js";
import { countsOf } from "../inbox/inbox.js";
import { now } from "../live/clock.js";
import { connection, feed, inbox } from "../live/page_connection.js";
import { RoomView } from "../rooms/room_view.js";
import { clone, pageData, setAvailability, setText } from "../shell/dom.js";
import { everySecond, whileInSight } from "../shell/frame.js";

const FIRST_CHARTS = 24;

const page = pageData();
const { uid, snapshot, commands: recent, refusals, availability: history, silence, may_command: mayCommand } = page;
const find = (name) => document.querySelector(`[data-${name}]`);
const commands = new Commands(connection);
const list = new CommandList(find("commands"), find("no-commands"));
const refused = new RefusedPanel(find("refused"), uid);
const availability = new AvailabilityPanel(find("availability-panel"), uid);
const panels = new Map(); // metric -> ChartPanel
const controls = new Map(); // metric -> control
const latest = record(); // metric -> [MS, value]
let attributes = snapshot.device.attributes;
let track = null;
let limit = FIRST_CHARTS;
let status, since;

const table = new ValueTable(find("values"), {
  unitOf: (metric) => unitOf(attributes, metric),
  wordsOf: (metric) => wordsOf(attributes, metric),
});

function showAvailability(newStatus, at) {
  [status, since] = [newStatus, at];
  setAvailability(find("availability"), status);
  tick();
}

function tick() {
  setText(find("since"), sinceText(status, since, now()));
  table.tick();
}

function showFacts() {
  const rows = factsOf(attributes).map(([name, value]) => {
    const row = clone("fact-row");
    setText(row.name, titleOf(name));
    setText(row.value, String(value));
    return row.root;
  });
  find("facts").replaceChildren(...rows);
  find("facts").hidden = !rows.length;
  find("no-facts").hidden = rows.length > 0;
}

let offered = "";

function showControls() {
  const specs = [...controlsOf(attributes), ...buttonsOf(attributes)];
  if (JSON.stringify(specs) === offered) return;
  offered = JSON.stringify(specs);
  controls.clear();
  const send = (name, args) => commands.send(uid, name, args);
  const disabled = mayCommand ? "" : "You watch here as a viewer. Operators and managers can use the controls.";
  const made = specs.map((spec) => {
    const control = makeControl(spec, { send, disabled, unit: unitOf(attributes, spec.arg) });
    if (spec.arg) controls.set(spec.arg, control);
    control.report(latest[spec.arg]?.[1]);
    return control.element;
  });
  find("controls").replaceChildren(...made);
  find("controls-panel").hidden = !made.length;
}

/** Makes the panels that are missing, most important metric first. */
function arrangeCharts() {
  const names = byImportance(latest, attributes).filter((name) => typeof latest[name][1] !== "string");
  const position = positionOf(names);
  if (position && !track) {
    track = new TrackPanel(uid, position, chosenRange());
    find("charts").prepend(track.element);
  }
  const wanted = names.filter((name) => !(position && isPosition(name)));
  for (const metric of wanted.slice(0, limit)) if (!panels.has(metric)) addPanel(metric);
  for (const metric of wanted) if (panels.has(metric)) find("charts").append(panels.get(metric).element);
  showMore(wanted.length - limit);
  find("layout").classList.toggle("without-charts", names.length === 0 && Object.keys(latest).length > 0);
  find("silent").hidden = Object.keys(latest).length > 0;
  find("values-panel").hidden = !Object.keys(latest).length;
  setText(find("values-count"), String(Object.keys(latest).length));
}

function addPanel(metric) {
  const value = latest[metric][1];
  const line = {
    metric,
    unit: unitOf(attributes, metric),
    boolean: typeof value === "boolean",
    words: wordsOf(attributes, metric),
  };
  const panel = new ChartPanel(uid, [line], { title: titleOf(metric), windowMs: chosenRange(), sync: "device" });
  panels.set(metric, panel);
  panel.report(metric, value);
}

function showMore(hidden) {
  find("more").hidden = hidden <= 0;
  setText(find("more"), `Show ${hidden} more ${hidden === 1 ? "chart" : "charts"}`);
}

function show(given) {
  attributes = given.device.attributes;
  table.refresh();
  showAvailability(given.availability, given.availability_at);
  for (const [metric, [time, value]] of Object.entries(given.latest)) takeValue(metric, time, value);
  showFacts();
  showControls();
  arrangeCharts();
}

/** Asks for all that has a history: pushes tell what changes after the subscription, not what changed before. */
function reload() {
  reloadLines();
  fetchCommands(uid).then(
    (answer) => answer && list.replace(answer.items),
    () => {},
  );
  refused.reload();
  availability.reload();
}

function reloadLines() {
  for (const panel of panels.values()) panel.reload();
  track?.reload();
}

function takeValue(metric, time, value) {
  const isNew = !(metric in latest);
  if (isNew || time >= latest[metric][0]) latest[metric] = [time, value];
  table.take(metric, time, value);
  controls.get(metric)?.report(latest[metric][1]);
  panels.get(metric)?.report(metric, latest[metric][1]);
  return isNew;
}

function takeTelemetry(columns) {
  let grown = false;
  for (const [metric, points] of Object.entries(columns)) {
    grown = takeValue(metric, ...points.at(-1)) || grown;
    panels.get(metric)?.add(metric, points);
  }
  track?.add(columns);
  if (grown) arrangeCharts();
}

show(snapshot);
list.replace(recent);
refused.replace(refusals);
availability.show(history);
showSilence(find("silence"), silence);
silenceForm(find("silence-form"), uid, (device) => showSilence(find("silence"), device));
feed.watchDevice(uid, {
  snapshot: (_, given) => {
    show(given);
    reload();
  },
  telemetry: (_, columns) => takeTelemetry(columns),
  missed: reloadLines,
  availability: (_, push) => {
    showAvailability(push.status, push.at);
    availability.reload();
  },
  command: (_, push) => {
    list.take(push);
    commands.take(push);
  },
  refused: () => location.reload(), // the rights are gone: the server says what is left to see
});
onRange(find("ranges"), (windowMs) => {
  for (const panel of panels.values()) panel.show(windowMs);
  track?.show(windowMs);
});
find("more").addEventListener("click", () => {
  limit = Infinity;
  arrangeCharts();
});
if (mayCommand) commandForm(find("send-command"), (name, args) => commands.send(uid, name, args));
everySecond(tick);

const link = (seq) => `/devices/${encodeURIComponent(uid)}/?seq=${seq}#room`;
new RoomView(find("room"), { room: page.room, person: page.person, openAt: page.open_at, connection, feed, link });
whileInSight(find("log"), (inSight) => {
  find("to-room").hidden = inSight;
});
inbox.on((state) => setBadges(find("to-room"), countsOf(state, page.room.id)));
