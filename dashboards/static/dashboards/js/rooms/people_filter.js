// A filter for a list of people.

import { find, selectAll } from "../shell/dom.js";

/**
 * Wires the `[data-people-picker]` of parts/people.html.
 *
 * @param {HTMLElement} element
 */
export function initPeopleFilter(element) {
  const filter = /** @type {HTMLInputElement | null} */ (element.querySelector("[data-people-filter]"));
  filter?.addEventListener("input", () => {
    const word = filter.value.trim().toLowerCase();
    const rows = selectAll(element, "[data-name]");
    for (const row of rows) row.hidden = !String(row.dataset.name).toLowerCase().includes(word);
    find(element, "people-none").hidden = rows.some((row) => !row.hidden);
  });
}
