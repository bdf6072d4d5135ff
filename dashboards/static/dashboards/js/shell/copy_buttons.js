// Buttons that copy the text beside them.

import { find, targetOf } from "./dom.js";

const COPIED_MS = 1_500;

/** Makes every `[data-copy]` of the page copy the `[data-copy-source]` beside it. */
export function initCopyButtons() {
  document.addEventListener("click", (event) => {
    const button = targetOf(event).closest("[data-copy]");
    if (button instanceof HTMLElement) copy(button);
  });
}

/** @param {HTMLElement} button */
async function copy(button) {
  const source = find(/** @type {HTMLElement} */ (button.parentElement), "copy-source");
  try {
    await navigator.clipboard.writeText(String(source.textContent));
  } catch {
    getSelection()?.selectAllChildren(source); // without TLS there is no clipboard: the text is at least selected
    return;
  }
  button.dataset.copied = "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    button.setAttribute("aria-label", "Copy");
  }, COPIED_MS);
}
