// A small live chart in the log, as the chat command `/chart` posts it.

import { ChartPanel } from "../charts/chart_panel.js";
import { unitOf, wordsOf } from "../device/attributes.js";
import { nameOf } from "../device/metrics.js";
import { clone, make, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { span } from "../shell/times.js";
import { watchWhileVisible } from "./live_element.js";

/** @import { DeviceListener } from "../live/device_feed.js" */
/** @import { LiveContext } from "./live_element.js" */

/**
 * The chart of a message's data.
 *
 * @param {{device: string, metric: string, range_s: number}} data
 * @param {LiveContext} context
 */
export function makeChart({ device: uid, metric, range_s: seconds }, context) {
  const holder = make("div", "room-chart-holder");
  const windowMs = seconds * 1_000;
  const titled = (/** @type {string} */ name) => `${titleOf(name)} · ${uid} · last ${span(windowMs)}`;
  /** @type {ChartPanel | null} */
  let panel = null;
  let name = metric; // a manager may rename it
  /** @type {DeviceListener} */
  const listener = {
    snapshot: (_, { device: { attributes, aliases = {} }, latest }) => {
      const newName = nameOf(aliases, metric);
      const value = latest[newName]?.[1];
      if (panel && name === newName) panel.reload();
      else {
        panel?.destroy();
        name = newName;
        const line = { metric: name, unit: unitOf(attributes, name), boolean: typeof value === "boolean" };
        const lines = [{ ...line, words: wordsOf(attributes, name) }];
        panel = new ChartPanel(uid, lines, { title: titled(name), windowMs, template: "room-chart" });
        holder.replaceChildren(panel.element);
      }
      panel.setValue(name, value);
    },
    telemetry: (_, points) => {
      const added = points[name];
      if (!added || !panel) return;
      panel.add(name, added);
      panel.setValue(name, added.at(-1)?.[1]);
    },
    missed: () => panel?.reload(),
    refused: () => {
      const parts = clone("room-chart");
      setText(parts.title, titled(name));
      setText(parts.note, "You don’t have access to this device");
      parts.note.hidden = false;
      holder.replaceChildren(parts.root);
    },
  };
  watchWhileVisible(holder, uid, listener, context);
  context.ends.push(() => panel?.destroy());
  return holder;
}
