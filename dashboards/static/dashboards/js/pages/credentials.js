// A device's new secret: lines to copy, and the wait for its first words.

import { pageData, setText } from "../dom.js";
import { formatValue, NumberFormat } from "../format.js";
import { feed } from "../live.js";
import { titleOf } from "../metrics.js";

const COPIED_MS = 1_500;

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

async function copy(button) {
  const source = button.parentElement.querySelector("[data-copy-source]");
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    return select(source); // no clipboard without TLS: at least one key less
  }
  button.dataset.copied = "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => { delete button.dataset.copied; button.setAttribute("aria-label", "Copy"); }, COPIED_MS);
  return undefined;
}

function select(element) {
  getSelection().selectAllChildren(element);
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
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
