// A classic script in the head, so that it runs before the first paint: no flash of the other theme.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("hubbub-theme") ?? "auto";
    } catch {
      return "auto"; // storage is forbidden in some private windows
    }
  }

  function apply() {
    const choice = chosen();
    const dark = choice === "dark" || (choice !== "light" && system.matches);
    document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
    document.dispatchEvent(new CustomEvent("themechange"));
  }

  function choose(choice) {
    try {
      localStorage.setItem("hubbub-theme", choice);
    } catch {
      // it lasts for this page then
    }
    apply();
    show();
  }

  function show() {
    for (const button of document.querySelectorAll("[data-theme]")) {
      const on = button.dataset.theme === chosen();
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
  }

  function arrows(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const button = event.target.closest?.("[data-theme]");
    if (!step || !button) return;
    const buttons = [...button.parentElement.querySelectorAll("[data-theme]")];
    const next = buttons[(buttons.indexOf(button) + step + buttons.length) % buttons.length];
    event.preventDefault();
    choose(next.dataset.theme);
    next.focus();
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", () => {
    apply();
    show();
  }); // chosen in another tab
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("keydown", arrows);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme]");
    if (button) choose(button.dataset.theme);
  });
})();
