// The fleet: cards, search and filter. A device is subscribed to only while its card is near the screen.

import { DeviceCard } from "../device/device_card.js";
import { getJson } from "../live/http.js";
import { everySecond } from "../shell/animation_frames.js";
import { find, pageData, select, selectAll, setText, targetOf } from "../shell/dom.js";
import { fetchOwnPage } from "../shell/page_copy.js";
import { connection, feed } from "./page_connection.js";

/** @import { Unstored } from "../device/unstored.js" */
/** @import { DeviceSnapshot } from "../live/protocol.d.ts" */

const REFRESH_MS = 5_000;

/** @type {Map<string, DeviceCard>} by uid */
const cards = new Map();
const search = find(document, "search", HTMLInputElement);
const filters = selectAll(document, "[data-filter]");
let status = "";

/** @param {HTMLElement} element */
function addCard(element) {
  const card = new DeviceCard(element, feed);
  cards.set(card.uid, card);
  return card;
}

function applyFilter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards.values()) {
    card.element.hidden = !card.matches(words, status);
    shown += card.element.hidden ? 0 : 1;
  }
  for (const group of selectAll(document, "[data-group]"))
    group.hidden = !group.querySelector(".device-card:not([hidden])");
  find(document, "no-match").hidden = shown > 0;
}

function showCounts() {
  for (const button of filters) {
    const wanted = String(button.dataset.filter);
    const count = wanted ? [...cards.values()].filter((card) => card.status === wanted).length : cards.size;
    setText(select(button, ".count"), String(count));
    // Rare states take no room until a device is in them.
    button.hidden = ["stale", "unknown"].includes(wanted) && !count && wanted !== status;
  }
}

/** @param {string} wanted */
function chooseStatus(wanted) {
  status = wanted;
  for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.filter === wanted));
  showCounts();
  applyFilter();
}

/** Cards off the screen are not subscribed to, and devices come and go, so the status of all is polled. */
async function refresh() {
  if (document.hidden || connection.state !== "open") return;
  /** @type {{devices: Record<string, [status: string, since: number]>, unstored: Record<string, Unstored>}} */
  const { devices, unstored } = await getJson("/fleet-status/");
  for (const [uid, card] of cards) if (!(uid in devices)) removeCard(uid, card);
  if (Object.keys(devices).some((uid) => !cards.has(uid))) await fetchNewCards();
  for (const [uid, [present, since]] of Object.entries(devices)) cards.get(uid)?.setStatus(present, since);
  showUnstored(unstored);
  showCounts();
  applyFilter();
}

/** @param {string} uid @param {DeviceCard} card */
function removeCard(uid, card) {
  card.close();
  card.element.remove();
  cards.delete(uid);
}

/** Takes the cards of new devices from a fresh copy of this page, where the server has rendered them. */
async function fetchNewCards() {
  for (const element of selectAll(await fetchOwnPage(), ".device-card")) {
    if (cards.has(String(element.dataset.uid))) continue;
    const slug = element.closest("[data-group]")?.getAttribute("data-group");
    const group = selectAll(document, "[data-group]").find((one) => one.dataset.group === slug);
    if (!group) {
      location.reload();
      return;
    }
    select(group, ".cards").append(addCard(document.adoptNode(element)).element);
  }
}

/** @param {Record<string, Unstored>} unstored  by uid */
function showUnstored(unstored) {
  for (const [uid, card] of cards) card.setUnstored(unstored[uid] ?? null);
}

for (const element of selectAll(document, ".device-card")) addCard(element);
for (const [uid, snapshot] of Object.entries(/** @type {Record<string, DeviceSnapshot>} */ (pageData("snapshots"))))
  cards.get(uid)?.showSnapshot(snapshot);
showUnstored(pageData("unstored"));
chooseStatus("");

search.addEventListener("input", applyFilter);
for (const button of filters) button.addEventListener("click", () => chooseStatus(String(button.dataset.filter)));
find(document, "show-all").addEventListener("click", () => {
  search.value = "";
  chooseStatus("");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || targetOf(event).matches("input, textarea, select")) return;
  event.preventDefault();
  search.focus();
});
connection.on("availability", () => {
  showCounts();
  applyFilter();
});
everySecond(() => {
  for (const card of cards.values()) if (!card.element.hidden) card.tick();
});
setInterval(() => refresh().catch(() => {}), REFRESH_MS);
