// The only way in which data gets into the page: as text, never as markup.

/** A copy of `<template id>`, and its `data-part` elements by name. */
export function clone(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = { root };
  if (root.dataset.part) parts[root.dataset.part] = root;
  for (const element of root.querySelectorAll("[data-part]")) parts[element.dataset.part] = element;
  return parts;
}

/** Sets the text where it differs: an unchanged node costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What the server put into the page as JSON. */
export function pageData(id = "page") {
  return JSON.parse(document.getElementById(id).textContent);
}

const STATUS_WORDS = { online: "Online", offline: "Offline", stale: "Stale", unknown: "Unknown", flapping: "Flapping" };

/** Shows an availability as dot and word. */
export function setAvailability(element, status) {
  element.dataset.status = status;
  setText(element, STATUS_WORDS[status] ?? status);
}

const flashed = new WeakMap();
const FLASH_PAUSE_MS = 600;

/** Lights a value up for a moment because it has changed. A value that changes all the time doesn't flicker. */
export function flash(element) {
  const now = performance.now();
  const busy = now - (flashed.get(element) ?? -1e9) < FLASH_PAUSE_MS;
  flashed.set(element, now);
  if (busy || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate([{ color: "var(--flash)" }, {}], {
    duration: 800,
    easing: "ease-out",
  });
}
