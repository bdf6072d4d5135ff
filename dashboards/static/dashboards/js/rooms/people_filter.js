// Narrows a list of people down while one types.

/** `element`: the `[data-people-picker]` of parts/people.html. */
export function peopleFilter(element) {
  const filter = element.querySelector("[data-people-filter]");
  filter?.addEventListener("input", () => {
    const word = filter.value.trim().toLowerCase();
    const rows = [...element.querySelectorAll("[data-name]")];
    for (const row of rows) row.hidden = !row.dataset.name.toLowerCase().includes(word);
    element.querySelector("[data-people-none]").hidden = rows.some((row) => !row.hidden);
  });
}
