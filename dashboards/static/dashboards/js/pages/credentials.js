// The new secret of a device: lines to copy, and the wait for its first reading.

import { initCopyButtons } from "../shell/copy_buttons.js";
import { find, pageData, select, selectAll, setText } from "../shell/dom.js";
import { titleOf } from "../shell/metric_title.js";
import { formatValue, NumberFormat } from "../shell/numbers.js";
import { feed } from "./page_connection.js";

/** @param {string} uid */
function showFirstReading(uid) {
  const line = find(document, "listening");
  const unwatch = feed.watchDevice(uid, {
    telemetry: (_, points) => {
      unwatch();
      const [metric, added] = Object.entries(points)[0];
      const value = formatValue(added.at(-1)?.[1], new NumberFormat());
      line.dataset.received = "";
      setText(find(line, "listening-text"), `First reading received. ${titleOf(metric)}: ${value}`);
      find(line, "listening-link").hidden = false;
    },
  });
}

/** @param {HTMLElement} list */
function initTabs(list) {
  const buttons = selectAll(list, "[role=tab]");
  const choose = (/** @type {HTMLElement} */ chosen) => {
    for (const button of buttons) {
      const isChosen = button === chosen;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      select(document, `#${button.getAttribute("aria-controls")}`).hidden = !isChosen;
    }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  list.addEventListener("keydown", ({ key }) => {
    if (key !== "ArrowRight" && key !== "ArrowLeft") return;
    const step = key === "ArrowRight" ? 1 : -1;
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = buttons[(at + step + buttons.length) % buttons.length];
    choose(next);
    next.focus();
  });
}

showFirstReading(pageData().uid);
initTabs(find(document, "tabs"));
initCopyButtons();
