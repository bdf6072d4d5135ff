// The light or dark theme. A classic script in the head, so that it runs before the first paint and the page never
// flashes in the other theme.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");

  function storedChoice() {
    try {
      return localStorage.getItem("hubbub-theme") ?? "auto";
    } catch {
      return "auto"; // storage is forbidden in some private windows
    }
  }

  function apply() {
    const choice = storedChoice();
    const dark = choice === "dark" || (choice !== "light" && system.matches);
    document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
    document.dispatchEvent(new CustomEvent("themechange"));
  }

  /** @param {string} choice */
  function choose(choice) {
    try {
      localStorage.setItem("hubbub-theme", choice);
    } catch {
      // then the choice is not kept
    }
    apply();
    show();
  }

  /** @returns {HTMLElement[]} */
  const buttons = (/** @type {ParentNode} */ root = document) => [...root.querySelectorAll("[data-theme]")].map(asHtml);
  const asHtml = (/** @type {Element} */ element) => /** @type {HTMLElement} */ (element);

  function show() {
    for (const button of buttons()) {
      const chosen = button.dataset.theme === storedChoice();
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  }

  /** @param {Event} event @returns {HTMLElement | null} */
  const buttonOf = (event) => (event.target instanceof Element ? event.target.closest("[data-theme]") : null);

  /** @type {Record<string, number>} */
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  /** @param {KeyboardEvent} event */
  function handleKey(event) {
    const step = STEPS[event.key];
    const button = buttonOf(event);
    if (!step || !button?.parentElement) return;
    const group = buttons(button.parentElement);
    const next = group[(group.indexOf(button) + step + group.length) % group.length];
    event.preventDefault();
    choose(String(next.dataset.theme));
    next.focus();
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", () => {
    apply(); // chosen in another tab
    show();
  });
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("keydown", handleKey);
  document.addEventListener("click", (event) => {
    const button = buttonOf(event);
    if (button) choose(String(button.dataset.theme));
  });
})();
