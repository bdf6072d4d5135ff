// What is wrong with a device's clock, and the form by which a manager sets whether its times are used.

import { find, setText } from "../shell/dom.js";
import { fieldValue, onSubmit } from "../shell/forms.js";
import { span } from "../shell/times.js";
import { changeDevice } from "./device_api.js";

/** @typedef {{clock: string, time_zone: string}} ClockSettings */

/** A clock that was never set shows 1970. */
const DECADES_S = 20 * 31_557_600;

/**
 * A sentence about a clock that is wrong; "" for one that is right.
 *
 * @param {number} offset  how far it is ahead, in seconds
 */
export function clockText(offset = 0) {
  if (!offset) return "";
  if (offset < -DECADES_S) return "Clock was never set";
  return `Clock is ${span(Math.abs(offset) * 1000)} ${offset < 0 ? "behind" : "ahead"}`;
}

/**
 * Shows what is wrong with the clock, or nothing.
 *
 * @param {HTMLElement} element
 * @param {{clock_offset_s?: number}} device
 */
export function showClock(element, { clock_offset_s: offset }) {
  const text = clockText(offset);
  setText(element, text);
  element.hidden = !text;
}

/**
 * Shows which clock is used.
 *
 * @param {HTMLElement} element
 * @param {ClockSettings} settings
 */
export function showClockSettings(element, { clock, time_zone: zone }) {
  const own = `Clock: the device’s own times${zone ? ` (${zone})` : ""}`;
  setText(element, clock === "receipt" ? "Clock: time of receipt" : own);
}

/**
 * Wires `form`; `changed` receives the device after each change.
 *
 * @param {HTMLFormElement} form
 * @param {string} uid
 * @param {(settings: ClockSettings & {device: {clock_offset_s: number}}) => void} changed
 */
export function initClockForm(form, uid, changed) {
  onSubmit(form, find(form, "clock-error"), async () => {
    const [clock, zone] = [fieldValue(form, "clock"), fieldValue(form, "zone")];
    changed(await changeDevice(uid, { clock, time_zone: zone || null }));
  });
}
