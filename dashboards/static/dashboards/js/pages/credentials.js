// A device's new secret: lines to copy, and the wait for its first words.

import { titleOf } from "../device/metrics.js";
import { feed } from "../live/page_connection.js";
import { copyButtons } from "../shell/copy_buttons.js";
import { pageData, setText } from "../shell/dom.js";
import { formatValue, NumberFormat } from "../shell/format.js";

function listen(uid) {
  const line = document.querySelector("[data-listening]");
  const text = line.querySelector("[data-listening-text]");
  const end = feed.watchDevice(uid, {
    telemetry: (_, columns) => {
      end();
      const [metric, points] = Object.entries(columns)[0];
      line.dataset.heard = "";
      setText(text, `It speaks! ${titleOf(metric)}: ${formatValue(points.at(-1)[1], new NumberFormat())}`);
      line.querySelector("[data-listening-link]").hidden = false;
    },
  });
}

function tabs(list) {
  const buttons = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const button of buttons) {
      const on = button === chosen;
      button.setAttribute("aria-selected", String(on));
      button.setAttribute("aria-pressed", String(on));
      button.tabIndex = on ? 0 : -1;
      document.getElementById(button.getAttribute("aria-controls")).hidden = !on;
    }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  list.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length);
    choose(next);
    next.focus();
  });
}

listen(pageData().uid);
tabs(document.querySelector("[data-tabs]"));
copyButtons();
