// Agreement between the tabs of a browser, by locks: what one tab writes to storage another may read too late.

/** How long a tab that has announced a message keeps the others from doing so. */
const ANNOUNCED_MS = 60_000;
/** Every visible page holds this lock; hidden pages check whether any page does. */
const VISIBLE = "hubbub-watching";

/** Whether a page of the hub is visible in any tab. */
export async function isAnyTabVisible() {
  if (!document.hidden) return true;
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === VISIBLE);
}

/**
 * Whether no other tab has announced this message: each has its own connection and receives the same pushes.
 *
 * @param {number} room
 * @param {number} seq
 * @returns {Promise<boolean>}
 */
export function isFirstToAnnounce(room, seq) {
  return new Promise((resolve) => {
    navigator.locks.request(`hubbub-notified-${room}-${seq}`, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise((released) => setTimeout(released, ANNOUNCED_MS));
    });
  });
}

/** Holds the lock of visible pages while this page is visible. */
export function holdWhileVisible() {
  let release = () => {};
  const update = () => {
    release();
    if (document.hidden) return;
    const released = new Promise((resolve) => {
      release = () => resolve(undefined);
    });
    navigator.locks.request(VISIBLE, { mode: "shared" }, () => released);
  };
  document.addEventListener("visibilitychange", update);
  addEventListener("pageshow", update);
  addEventListener("pagehide", () => release()); // a page that holds a lock is not kept in the back-forward cache
}
