// Whether a person wants notifications of the browser.

const CHOICE = "hubbub-notifications";

/** Without TLS browsers offer neither notifications nor locks, except on localhost. */
export const areOffered = "Notification" in globalThis && Boolean(navigator.locks);

/**
 * `denied` means that only the browser's own settings can turn them on.
 *
 * @returns {"on" | "off" | "denied"}
 */
export function choice() {
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && read() === "on" ? "on" : "off";
}

/**
 * Turns notifications on, for which the browser may ask the person, or off. Call it only on a click.
 *
 * @param {boolean} on
 */
export async function choose(on) {
  write(on ? "on" : "off");
  if (on && Notification.permission === "default") await Notification.requestPermission();
}

/**
 * Calls `listener` when the choice changes in another tab.
 *
 * @param {() => void} listener
 */
export function onChoice(listener) {
  addEventListener("storage", ({ key }) => key === CHOICE && listener());
}

function read() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null; // storage is forbidden in some private windows
  }
}

/** @param {string} value */
function write(value) {
  try {
    localStorage.setItem(CHOICE, value);
  } catch {
    // without storage notifications stay off
  }
}
