// The menu, which is a drawer on small screens.

import { find, select } from "./dom.js";

export function initMenu() {
  const toggle = find(document, "navigation-toggle");
  const shade = find(document, "navigation-shade");
  const open = (/** @type {boolean} */ isOpen) => {
    document.documentElement.classList.toggle("navigation-open", isOpen);
    toggle.setAttribute("aria-expanded", String(isOpen));
    shade.hidden = !isOpen;
    if (isOpen) select(document, ".navigation a").focus();
  };
  toggle.addEventListener("click", () => open(true));
  shade.addEventListener("click", () => open(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || shade.hidden) return;
    open(false);
    toggle.focus();
  });
}
