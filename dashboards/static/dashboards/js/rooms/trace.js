// What a message said before it was edited or deleted, below it.

import { setText } from "../shell/dom.js";
import { clock, fullTime } from "./times.js";

/** Shows the trace in the row, or takes it away; `ask()` resolves with `[{text, until, by}, …]`. */
export async function toggleTrace(row, ask) {
  const button = row.querySelector(".trace");
  const shown = row.querySelector(".revisions");
  button.setAttribute("aria-expanded", String(!shown));
  if (shown) {
    shown.remove();
    return;
  }
  const list = document.createElement("ol");
  list.className = "revisions";
  row.querySelector("[data-part=foot]").after(list);
  try {
    list.replaceChildren(...(await ask()).map(revision));
  } catch (error) {
    setText(list, error.message);
  }
}

function revision({ text, until }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  Object.assign(time, { textContent: `until ${clock(until)}`, title: fullTime(until) });
  const said = document.createElement("p");
  setText(said, text || "(no text)");
  item.append(said, time);
  return item;
}
