// The form by which a manager sets how long a device may be silent.

import { setText } from "../shell/dom.js";
import { span } from "../shell/format.js";
import { changeDevice } from "./device_api.js";

/** Shows how long the device may be silent: `{stale_after_s, silence_limit_s}`. */
export function showSilence(element, { stale_after_s: set, silence_limit_s: limit }) {
  setText(element, `Stale after ${span(limit * 1000)} of silence, ${set === null ? "as learned" : "as set"}`);
}

/** Wires `form`, which may be missing; `changed` takes the device as it is then. */
export function silenceForm(form, uid, changed) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [problem, button] = [form.querySelector("[data-silence-error]"), form.querySelector("button")];
    const seconds = form.elements.seconds.value.trim();
    setText(problem, "");
    button.disabled = true;
    try {
      const token = form.elements.csrfmiddlewaretoken.value;
      changed(await changeDevice(uid, { stale_after_s: seconds === "" ? null : Number(seconds) }, token));
    } catch (error) {
      setText(problem, error.message);
    } finally {
      button.disabled = false;
    }
  });
}
