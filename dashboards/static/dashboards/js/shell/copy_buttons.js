// Buttons that copy the text beside them.

const COPIED_MS = 1_500;

/** Makes every `[data-copy]` of the page copy the `[data-copy-source]` beside it. */
export function copyButtons() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}

async function copy(button) {
  const source = button.parentElement.querySelector("[data-copy-source]");
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection().selectAllChildren(source); // no clipboard without TLS: at least one key less
    return;
  }
  button.dataset.copied = "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.copied;
    button.setAttribute("aria-label", "Copy");
  }, COPIED_MS);
}
