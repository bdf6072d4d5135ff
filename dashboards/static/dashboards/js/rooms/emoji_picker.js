// A few emoji to pick from: common ones in conversations, and some for machines.

import { makeButton, select, targetOf } from "../shell/dom.js";

const EMOJI = (
  "👍 👎 👏 🙏 👀 💪 🤝 👌 ✅ ❌ ❓ ❗ 🎉 🔥 💯 ⭐ " +
  "😀 😂 😉 😊 😍 😎 🤔 😅 😮 😢 😴 😡 🤖 ❤️ 💔 🙈 " +
  "⚠️ 🚨 🔧 ⚙️ 🔌 🔋 💡 🌡️ 💧 🌱 ☀️ 🌧️ ❄️ 🌬️ 📈 📉"
).split(" ");

/**
 * Fills `box` with buttons, and opens it with `toggle`.
 *
 * @param {HTMLElement} box
 * @param {HTMLElement} toggle
 * @param {(emoji: string) => void} onPick
 */
export function initEmojiPicker(box, toggle, onPick) {
  const open = (/** @type {boolean} */ isOpen) => {
    box.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) select(box, "button").focus();
  };
  const buttons = EMOJI.map((emoji) => {
    const button = makeButton("", emoji, () => {
      open(false);
      onPick(emoji);
    });
    button.removeAttribute("class");
    button.tabIndex = -1;
    return button;
  });
  buttons[0].tabIndex = 0;
  box.append(...buttons);
  toggle.addEventListener("click", () => open(Boolean(box.hidden)));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") {
      moveFocus(buttons, event);
      return;
    }
    open(false);
    toggle.focus();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    const target = targetOf(event);
    if (!box.hidden && !box.contains(target) && !toggle.contains(target)) open(false);
  });
}

/**
 * Moves through the grid, which is one stop of the Tab key.
 *
 * @param {HTMLButtonElement[]} buttons
 * @param {KeyboardEvent} event
 */
function moveFocus(buttons, event) {
  const columns = buttons.filter(({ offsetTop }) => offsetTop === buttons[0].offsetTop).length;
  /** @type {Record<string, number>} */
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const step = steps[event.key];
  const next = buttons[buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + step];
  if (!step || !next) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
}
