// The time range that a page shows, kept in its address so that a link to it shows the same.

import { selectAll } from "../shell/dom.js";

const DEFAULT_S = 300;

/** @type {number | null} */
let chosenS = null;

/** The chosen range in milliseconds. */
export function chosenRange() {
  chosenS ??= Number(new URLSearchParams(location.search).get("range")) || DEFAULT_S;
  return chosenS * 1000;
}

/**
 * Wires the `[data-range]` buttons in `group`.
 *
 * @param {HTMLElement} group
 * @param {(ms: number) => void} changed
 */
export function initTimeRange(group, changed) {
  const buttons = selectAll(group, "[data-range]");
  if (!buttons.some((button) => Number(button.dataset.range) * 1000 === chosenRange())) chosenS = DEFAULT_S;
  const showChoice = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.range) === chosenS));
  };
  showChoice();
  for (const button of buttons) {
    button.addEventListener("click", () => {
      chosenS = Number(button.dataset.range);
      const address = new URL(location.href);
      address.searchParams.set("range", String(chosenS));
      history.replaceState(null, "", address);
      showChoice();
      changed(chosenRange());
    });
  }
}
