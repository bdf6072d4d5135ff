// Files that are dropped on a room.

/**
 * Calls `dropped` with files that are dropped on `element`, and shows `hint` while they hover over it.
 *
 * @param {HTMLElement} element
 * @param {HTMLElement} hint
 * @param {{isEnabled: () => boolean, dropped: (files: FileList) => void}} options
 */
export function initFileDrop(element, hint, { isEnabled, dropped }) {
  const filesOf = (/** @type {DragEvent} */ { dataTransfer }) =>
    isEnabled() && dataTransfer?.types.includes("Files") ? dataTransfer.files : null;
  element.addEventListener("dragover", (event) => {
    if (!filesOf(event)) return;
    event.preventDefault();
    hint.hidden = false;
  });
  element.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node) || !element.contains(relatedTarget)) hint.hidden = true;
  });
  element.addEventListener("drop", (event) => {
    hint.hidden = true;
    const files = filesOf(event);
    if (!files) return;
    event.preventDefault();
    dropped(files);
  });
}
