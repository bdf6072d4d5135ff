// Notifications of the browser, for mentions and private messages while no page of the hub is looked at.

const CHOICE = "hubbub-notifications";
/** So long after one page has told of a message, no other does. */
const TOLD_MS = 60_000;
/** Held by every page that is looked at; the hidden ones ask whether anybody holds it. */
const WATCHING = "hubbub-watching";
const EXCERPT = 200;
const WORKER = "/notification-worker.js";

/** Without TLS browsers offer neither notifications nor locks, but for localhost. */
export const areOffered = "Notification" in globalThis && Boolean(navigator.locks);

/** `off`, `on`, or `denied`: then the person has to change it in the browser. */
export function choice() {
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && read(CHOICE) === "on" ? "on" : "off";
}

/** Turns them on, for which the browser may ask the person, or off. Call it on a click alone. */
export async function choose(on) {
  write(CHOICE, on ? "on" : "off");
  if (on && Notification.permission === "default") await Notification.requestPermission();
}

/** Calls `listener` when the choice changes in another tab. */
export function onChoice(listener) {
  addEventListener("storage", ({ key }) => key === CHOICE && listener());
}

/** Tells of what `connection` pushes, as long as the person wants it. `inbox` knows their own name. */
export function notify(connection, inbox) {
  if (!areOffered) return;
  holdWhileSeen();
  connection.on("direct", ({ from, room, seq, text }) => {
    if (from !== inbox.me)
      tell(room, seq, `Message from ${from}`, text, `/inbox/${encodeURIComponent(from)}/?seq=${seq}`);
  });
  connection.on("activity", ({ room, seq, author, text, mention }) => {
    if (mention) tell(room, seq, `${author} mentions you`, text, `/rooms/${room}/?seq=${seq}`);
  });
}

async function tell(room, seq, title, text, url) {
  if (choice() !== "on" || (await isWatched()) || !(await isFirst(room, seq))) return;
  const options = { body: text.slice(0, EXCERPT), tag: `hubbub-${room}-${seq}`, icon: iconUrl() };
  let shown;
  try {
    shown = new Notification(title, options);
  } catch {
    await tellByWorker(title, { ...options, data: { url } });
    return;
  }
  shown.onclick = () => {
    shown.close();
    focus();
    location.assign(url);
  };
}

/** Where pages may show none by themselves, as on phones. */
async function tellByWorker(title, options) {
  try {
    await navigator.serviceWorker.register(WORKER);
    await (await navigator.serviceWorker.ready).showNotification(title, options);
  } catch (error) {
    console.warn("This browser shows no notifications:", error);
  }
}

const iconUrl = () => document.querySelector("link[rel=icon]").href;

async function isWatched() {
  if (!document.hidden) return true;
  const { held } = await navigator.locks.query();
  return held.some(({ name }) => name === WATCHING);
}

/**
 * Whether no other tab has told of this message: each has a connection of its own and hears the same. By a lock, since
 * what one tab writes into the storage another may read too late.
 */
function isFirst(room, seq) {
  return new Promise((answer) => {
    navigator.locks.request(`hubbub-notified-${room}-${seq}`, { ifAvailable: true }, (lock) => {
      answer(Boolean(lock));
      return lock && new Promise((told) => setTimeout(told, TOLD_MS));
    });
  });
}

function holdWhileSeen() {
  let release = () => {};
  const look = () => {
    release();
    if (document.hidden) return;
    const seen = new Promise((resolve) => {
      release = resolve;
    });
    navigator.locks.request(WATCHING, { mode: "shared" }, () => seen);
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", look);
  addEventListener("pagehide", () => release()); // a page that holds a lock is not kept to be gone back to
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden in some private windows
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // without it nothing is turned on
  }
}
