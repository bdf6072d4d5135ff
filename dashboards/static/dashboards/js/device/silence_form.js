// The form by which a manager sets how long a device may be silent before it counts as stale.

import { find, setText } from "../shell/dom.js";
import { fieldValue, onSubmit } from "../shell/forms.js";
import { span } from "../shell/times.js";
import { changeDevice } from "./device_api.js";

/** @typedef {{stale_after_s: number | null, silence_limit_s: number}} SilenceLimit  as set, and as it holds */

/**
 * Shows how long the device may be silent.
 *
 * @param {HTMLElement} element
 * @param {SilenceLimit} limit
 */
export function showSilenceLimit(element, { stale_after_s: set, silence_limit_s: limit }) {
  setText(element, `Stale after ${span(limit * 1000)} of silence, ${set === null ? "as learned" : "as set"}`);
}

/**
 * Wires `form`; `changed` receives the device after each change.
 *
 * @param {HTMLFormElement} form
 * @param {string} uid
 * @param {(limit: SilenceLimit) => void} changed
 */
export function initSilenceForm(form, uid, changed) {
  onSubmit(form, find(form, "silence-error"), async () => {
    const seconds = fieldValue(form, "seconds");
    changed(await changeDevice(uid, { stale_after_s: seconds === "" ? null : Number(seconds) }));
  });
}
