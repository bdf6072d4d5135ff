// The value of a device within a message: what it was when the message was written, and what it is now.

import { wordsOf } from "../device/attributes.js";
import { nameOf } from "../device/metrics.js";
import { make, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { textUpdates } from "../shell/throttle.js";
import { fullTime } from "../shell/times.js";
import { watchWhileVisible } from "./live_element.js";
import { splitValueName } from "./references.js";

/** @import { Point, Value } from "../live/protocol.d.ts" */
/** @import { LiveContext } from "./live_element.js" */
/** @import { WrittenValue } from "./references.js" */

/**
 * A link to the device with both values.
 *
 * @param {string} name
 * @param {WrittenValue} written
 * @param {LiveContext} context
 */
export function makeReadingLink(name, [at, value, unit], context) {
  const [uid, metric] = splitValueName(name);
  const numbers = new NumberFormat();
  let current = metric; // a manager may rename it
  /** @type {string[] | undefined} */
  let words;
  /** @type {Point | null} */
  let newest = null;

  const link = make("a", "reading");
  link.href = `/devices/${encodeURIComponent(uid)}/`;
  const then = make("span", "reading-then");
  const now = make("span", "reading-now live");
  link.append(make("span", "reading-name", `@${name}`), then, now);
  then.classList.toggle("reading-words", typeof value === "string");

  const textOf = (/** @type {Value} */ shown) =>
    `${formatValue(shown, numbers, words)}${typeof shown === "number" && unit ? ` ${unit}` : ""}`;
  const draw = () => {
    setText(then, textOf(value));
    setText(now, newest ? `now ${textOf(newest[1])}` : "");
    now.classList.toggle("reading-words", typeof newest?.[1] === "string");
    const ending = newest ? `, ${now.textContent}` : "";
    link.title = `${titleOf(current)} of ${uid}: ${then.textContent} on ${fullTime(at)}${ending}`;
  };
  const update = (/** @type {Point | undefined} */ point) => {
    if (!point || (newest && point[0] < newest[0])) return;
    newest = point;
    textUpdates.request(draw);
  };
  const listener = {
    snapshot: (
      /** @type {string} */ _,
      /** @type {import("../live/protocol.d.ts").DeviceSnapshot} */ { device, latest },
    ) => {
      current = nameOf(device.aliases ?? {}, metric);
      words = wordsOf(device.attributes, current);
      update(latest[current]);
    },
    telemetry: (/** @type {string} */ _, /** @type {import("../live/protocol.d.ts").PointsByMetric} */ points) =>
      update(points[current]?.at(-1)),
  };
  watchWhileVisible(link, uid, listener, context);
  draw();
  return link;
}
