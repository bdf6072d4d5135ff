// A small live chart in the log, as the chat command `/chart` posts it.

import { ChartPanel } from "../charts/chart_panel.js";
import { unitOf, wordsOf } from "../device/attributes.js";
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
  const title = `${titleOf(metric)} · ${uid} · last ${span(windowMs)}`;
  /** @type {ChartPanel | null} */
  let panel = null;
  /** @type {DeviceListener} */
  const listener = {
    snapshot: (_, { device: { attributes }, latest }) => {
      const value = latest[metric]?.[1];
      if (panel) panel.reload();
      else {
        const line = { metric, unit: unitOf(attributes, metric), boolean: typeof value === "boolean" };
        const lines = [{ ...line, words: wordsOf(attributes, metric) }];
        panel = new ChartPanel(uid, lines, { title, windowMs, template: "room-chart" });
        holder.append(panel.element);
      }
      panel.setValue(metric, value);
    },
    telemetry: (_, points) => {
      const added = points[metric];
      if (!added || !panel) return;
      panel.add(metric, added);
      panel.setValue(metric, added.at(-1)?.[1]);
    },
    missed: () => panel?.reload(),
    refused: () => {
      const parts = clone("room-chart");
      setText(parts.title, title);
      setText(parts.note, "You don’t have access to this device");
      parts.note.hidden = false;
      holder.replaceChildren(parts.root);
    },
  };
  watchWhileVisible(holder, uid, listener, context);
  context.ends.push(() => panel?.destroy());
  return holder;
}
