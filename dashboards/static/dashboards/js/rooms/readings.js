// Values of devices within messages: what a value was when it was written of, and what it is now.

import { titleOf, wordsOf } from "../device/metrics.js";
import { figures } from "../live/pace.js";
import { setText } from "../shell/dom.js";
import { formatValue, NumberFormat } from "../shell/format.js";
import { whileVisible } from "../shell/frame.js";
import { metricOf } from "./references.js";
import { fullTime } from "./times.js";

/**
 * A link to the device with both values. `then` is `[MS, value, unit]`. It watches the device while it is near the
 * screen; the function in `ends` stops that.
 */
export function readingOf(name, then, { feed, ends }) {
  const [uid, metric] = metricOf(name);
  const [at, value, unit] = then;
  const numbers = new NumberFormat();
  const text = (shown, words) =>
    `${formatValue(shown, numbers, words)}${typeof shown === "number" && unit ? ` ${unit}` : ""}`;
  const link = element("a", "reading");
  link.href = `/devices/${encodeURIComponent(uid)}/`;
  const written = element("span", "reading-then");
  const live = element("span", "reading-now live");
  link.append(element("span", "reading-name", `@${name}`), written, live);
  written.classList.toggle("reading-words", typeof value === "string");
  setText(written, text(value));

  let newest = null;
  let words;
  const draw = () => {
    setText(written, text(value, words));
    setText(live, newest ? `now ${text(newest[1], words)}` : "");
    live.classList.toggle("reading-words", typeof newest?.[1] === "string");
    link.title = `${titleOf(metric)} of ${uid}: ${written.textContent} on ${fullTime(at)}${newest ? `, ${live.textContent}` : ""}`;
  };
  const take = (reading) => {
    if (!reading || (newest && reading[0] < newest[0])) return;
    newest = reading;
    figures.ask(draw);
  };
  const listener = {
    snapshot: (_, { device, latest }) => {
      words = wordsOf(device.attributes, metric);
      take(latest[metric]);
    },
    telemetry: (_, columns) => take(columns[metric]?.at(-1)),
  };
  let unwatch = null;
  const seen = (visible) => {
    if (visible) unwatch ??= feed.watchDevice(uid, listener);
    else [unwatch] = [null, unwatch?.()];
  };
  const unseen = whileVisible(link, seen);
  ends.push(() => (unseen(), seen(false)));
  draw();
  return link;
}

function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
