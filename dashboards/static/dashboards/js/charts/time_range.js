// The time range that a page shows, kept in its address so that a link to it shows the same.

const DEFAULT_S = 300;

let chosenS = null;

/** The chosen range in milliseconds. */
export function chosenRange() {
  chosenS ??= Number(new URLSearchParams(location.search).get("range")) || DEFAULT_S;
  return chosenS * 1000;
}

/** Wires the `data-range` buttons in `group`; `changed(ms)` is told of each choice. */
export function onRange(group, changed) {
  const buttons = [...group.querySelectorAll("[data-range]")];
  if (!buttons.some((button) => Number(button.dataset.range) * 1000 === chosenRange())) chosenS = DEFAULT_S;
  const mark = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.range) === chosenS));
  };
  mark();
  for (const button of buttons) {
    button.addEventListener("click", () => {
      chosenS = Number(button.dataset.range);
      const address = new URL(location);
      address.searchParams.set("range", chosenS);
      history.replaceState(null, "", address);
      mark();
      changed(chosenRange());
    });
  }
}
