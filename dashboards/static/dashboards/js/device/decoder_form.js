// The form by which a manager chooses the decoder of a device.

import { find, select, setText } from "../shell/dom.js";
import { fieldValue, onSubmit } from "../shell/forms.js";
import { changeDevice } from "./device_api.js";

/** Shows the decoder that is chosen. @param {HTMLFormElement} form @param {HTMLElement} summary */
function show(form, summary) {
  const [chosen] = select(form, "select", HTMLSelectElement).selectedOptions;
  setText(summary, `Decoder: ${chosen.value ? chosen.text : "none, it sends JSON"}`);
}

/**
 * Wires `form`; `summary` names the decoder.
 *
 * @param {HTMLFormElement} form
 * @param {string} uid
 * @param {HTMLElement} summary
 */
export function initDecoderForm(form, uid, summary) {
  show(form, summary);
  onSubmit(form, find(form, "decoder-error"), async () => {
    const chosen = fieldValue(form, "decoder");
    await changeDevice(uid, { decoder: chosen ? Number(chosen) : null });
    show(form, summary);
  });
}
