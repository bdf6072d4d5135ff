// The fleet: cards, search and filter. Devices are subscribed to only while their card is near the screen.

import { Card } from "../device/device_card.js";
import { connection, feed } from "../live/page_connection.js";
import { pageData, setText } from "../shell/dom.js";
import { everySecond } from "../shell/frame.js";

const LOOK_AGAIN_MS = 5_000;

const cards = new Map(); // uid -> Card
const search = document.querySelector("[data-search]");
const filters = [...document.querySelectorAll("[data-filter]")];
const noMatch = document.querySelector("[data-no-match]");
let status = "";

function adopt(element) {
  const card = new Card(element, feed);
  cards.set(card.uid, card);
  return card;
}

function select() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards.values()) {
    card.element.hidden = !card.matches(words, status);
    shown += card.element.hidden ? 0 : 1;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector(".device-card:not([hidden])");
  }
  noMatch.hidden = shown > 0;
}

function count() {
  for (const button of filters) {
    const wanted = button.dataset.filter;
    const number = wanted ? [...cards.values()].filter((card) => card.status === wanted).length : cards.size;
    setText(button.querySelector(".count"), String(number));
    // Rare states take no room until there is something in them.
    button.hidden = ["stale", "unknown"].includes(wanted) && !number && wanted !== status;
  }
}

function choose(wanted) {
  status = wanted;
  for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.filter === wanted));
  count();
  select();
}

/** Cards off the screen are not subscribed to, and devices come and go: ask for all of them now and then. */
async function lookAgain() {
  if (document.hidden || connection.state !== "open") return;
  const response = await fetch("/fleet-status/", { headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) return;
  const { devices } = await response.json();
  for (const [uid, card] of cards) if (!(uid in devices)) remove(uid, card);
  if (Object.keys(devices).some((uid) => !cards.has(uid))) await fetchNewCards();
  for (const [uid, [now, since]] of Object.entries(devices)) cards.get(uid)?.setStatus(now, since);
  count();
  select();
}

function remove(uid, card) {
  card.close();
  card.element.remove();
  cards.delete(uid);
}

/** Takes the cards of new devices out of a fresh copy of this page, where the server has written them. */
async function fetchNewCards() {
  const response = await fetch(location.pathname);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const element of page.querySelectorAll(".device-card")) {
    if (cards.has(element.dataset.uid)) continue;
    const slug = element.closest("[data-group]").dataset.group;
    const group = [...document.querySelectorAll("[data-group]")].find((one) => one.dataset.group === slug);
    if (!group) return location.reload();
    group.querySelector(".cards").append(adopt(document.adoptNode(element)).element);
  }
}

for (const element of document.querySelectorAll(".device-card")) adopt(element);
for (const [uid, snapshot] of Object.entries(pageData("snapshots"))) cards.get(uid)?.take(snapshot);
choose("");

search.addEventListener("input", select);
for (const button of filters) button.addEventListener("click", () => choose(button.dataset.filter));
document.querySelector("[data-show-all]").addEventListener("click", () => {
  search.value = "";
  choose("");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || /^(input|textarea|select)$/i.test(event.target.tagName)) return;
  event.preventDefault();
  search.focus();
});
connection.on("availability", () => {
  count();
  select();
});
everySecond(() => {
  for (const card of cards.values()) if (!card.element.hidden) card.tick();
});
setInterval(() => lookAgain().catch(() => {}), LOOK_AGAIN_MS);
