// Forms that a script submits: the button waits for the answer, and an error is shown beside it.

import { select, setText } from "./dom.js";

/**
 * Runs `work(form)` on each submit. What it throws is shown in `problem` as a sentence.
 *
 * @param {HTMLFormElement} form
 * @param {Element} problem
 * @param {(form: HTMLFormElement) => Promise<void>} work
 */
export function onSubmit(form, problem, work) {
  const button = select(form, "button", HTMLButtonElement);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    setText(problem, "");
    button.disabled = true;
    try {
      await work(form);
    } catch (error) {
      setText(problem, messageOf(error));
    } finally {
      button.disabled = false;
    }
  });
}

/**
 * The trimmed value of a form's field.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export function fieldValue(form, name) {
  return String(new FormData(form).get(name) ?? "").trim();
}

/**
 * The text of an error, to be shown to a person.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
