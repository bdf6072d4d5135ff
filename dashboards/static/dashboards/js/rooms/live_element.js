// Parts of the log that show live data of a device.

import { whileVisible } from "../shell/visibility.js";

/** @import { DeviceFeed, DeviceListener } from "../live/device_feed.js" */

/** @typedef {{feed: DeviceFeed, ends: (() => void)[]}} LiveContext  the functions in `ends` stop the live parts of a row */

/**
 * Watches the device while `element` is near the screen.
 *
 * @param {Element} element
 * @param {string} uid
 * @param {DeviceListener} listener
 * @param {LiveContext} context
 */
export function watchWhileVisible(element, uid, listener, { feed, ends }) {
  /** @type {(() => void) | null} */
  let unwatch = null;
  const update = (/** @type {boolean} */ isVisible) => {
    if (isVisible) unwatch ??= feed.watchDevice(uid, listener);
    else {
      unwatch?.();
      unwatch = null;
    }
  };
  const endVisibility = whileVisible(element, update);
  ends.push(() => {
    endVisibility();
    update(false);
  });
}
