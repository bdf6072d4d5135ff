// The form by which a manager states whether a device answers commands.

import { find, setText } from "../shell/dom.js";
import { onSubmit } from "../shell/forms.js";
import { changeDevice } from "./device_api.js";

/**
 * Shows what confirms a command.
 *
 * @param {HTMLElement} element
 * @param {{answers: boolean}} device
 */
export function showAnswers(element, { answers }) {
  setText(element, answers ? "Confirmation: the device’s answers" : "Confirmation: reported values");
}

/**
 * Wires `form`; `changed` receives the device after each change.
 *
 * @param {HTMLFormElement} form
 * @param {string} uid
 * @param {(device: {answers: boolean}) => void} changed
 */
export function initAnswersForm(form, uid, changed) {
  onSubmit(form, find(form, "answers-error"), async () => {
    const answers = new FormData(form).get("answers") === "yes";
    changed(await changeDevice(uid, { answers }));
  });
}
