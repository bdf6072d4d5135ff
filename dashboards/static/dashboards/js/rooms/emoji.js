// A few emoji to pick from: those that people use in talk, and some for machines.

const EMOJI = [
  "👍",
  "👎",
  "👏",
  "🙏",
  "👀",
  "💪",
  "🤝",
  "👌",
  "✅",
  "❌",
  "❓",
  "❗",
  "🎉",
  "🔥",
  "💯",
  "⭐",
  "😀",
  "😂",
  "😉",
  "😊",
  "😍",
  "😎",
  "🤔",
  "😅",
  "😮",
  "😢",
  "😴",
  "😡",
  "🤖",
  "❤️",
  "💔",
  "🙈",
  "⚠️",
  "🚨",
  "🔧",
  "⚙️",
  "🔌",
  "🔋",
  "💡",
  "🌡️",
  "💧",
  "🌱",
  "☀️",
  "🌧️",
  "❄️",
  "🌬️",
  "📈",
  "📉",
];

/** Fills `box` with buttons; `picked(emoji)` is told of a choice. */
export function emojiBox(box, toggle, picked) {
  const open = (on) => {
    box.hidden = !on;
    toggle.setAttribute("aria-expanded", String(on));
    if (on) box.querySelector("button").focus();
  };
  box.append(...EMOJI.map(button));
  toggle.addEventListener("click", () => open(box.hidden));
  box.addEventListener("click", ({ target }) => {
    if (!target.matches("button")) return;
    open(false);
    picked(target.textContent);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      open(false);
      toggle.focus();
      event.stopPropagation();
      return;
    }
    move(event);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!box.hidden && !box.contains(target) && !toggle.contains(target)) open(false);
  });
}

function button(emoji, index) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: emoji, tabIndex: index ? -1 : 0 });
  return made;
}

/** Arrow keys go through the grid, which is one stop of the Tab key. */
function move(event) {
  const all = [...event.currentTarget.children];
  const columns = all.filter(({ offsetTop }) => offsetTop === all[0].offsetTop).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const to = all[all.indexOf(document.activeElement) + step];
  if (!step || !to) return;
  event.preventDefault();
  for (const one of all) one.tabIndex = one === to ? 0 : -1;
  to.focus();
}
