// A small live chart in the log, as `/chart` posts it.

import { ChartPanel } from "../charts/chart_panel.js";
import { titleOf, unitOf, wordsOf } from "../device/metrics.js";
import { clone, setText } from "../shell/dom.js";
import { span } from "../shell/format.js";
import { whileVisible } from "../shell/frame.js";

/**
 * The chart of a message's `{device, metric, range_s}`. It watches the device while it is near the screen; the function
 * in `ends` stops that.
 */
export function chartOf({ device: uid, metric, range_s: seconds }, { feed, ends }) {
  const holder = document.createElement("div");
  holder.className = "room-chart-holder";
  let panel = null;
  const title = `${titleOf(metric)} · ${uid} · last ${span(seconds * 1_000)}`;
  const open = (device, value) => {
    const line = {
      metric,
      unit: unitOf(device.attributes, metric),
      boolean: typeof value === "boolean",
      words: wordsOf(device.attributes, metric),
    };
    panel = new ChartPanel(uid, [line], { title, windowMs: seconds * 1_000, template: "room-chart" });
    holder.append(panel.element);
  };
  const listener = {
    snapshot: (_, { device, latest }) => {
      const value = latest[metric]?.[1];
      if (panel) panel.reload();
      else open(device, value);
      panel.report(metric, value);
    },
    telemetry: (_, columns) => {
      const points = columns[metric];
      if (!points || !panel) return;
      panel.add(metric, points);
      panel.report(metric, points.at(-1)[1]);
    },
    missed: () => panel?.reload(),
    refused: () => {
      holder.replaceChildren(clone("room-chart").root);
      setText(holder.querySelector("[data-part=title]"), title);
      setText(holder.querySelector("[data-part=note]"), "This device is out of your sight");
      holder.querySelector("[data-part=note]").hidden = false;
    },
  };
  let unwatch = null;
  const seen = (visible) => {
    if (visible) unwatch ??= feed.watchDevice(uid, listener);
    else [unwatch] = [null, unwatch?.()];
  };
  const unseen = whileVisible(holder, seen);
  ends.push(() => (unseen(), seen(false), panel?.destroy()));
  return holder;
}
