// The form that sends any command: a name, and arguments as JSON.

import { find } from "../shell/dom.js";
import { fieldValue, onSubmit } from "../shell/forms.js";

/**
 * Arguments from their text; throws a `SyntaxError` that a person can read.
 *
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
export function parseArgs(text) {
  if (!text.trim()) return {};
  let args;
  try {
    args = JSON.parse(text);
  } catch {
    throw new SyntaxError("The arguments are not valid JSON.");
  }
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new SyntaxError('The arguments must be an object, such as {"interval": 5}.');
  }
  return args;
}

/**
 * Wires `form`. The list of commands shows what became of a command; the form shows only why one was not sent.
 *
 * @param {HTMLFormElement} form
 * @param {(name: string, args: Record<string, unknown>, timeoutS: number) => Promise<unknown>} issue
 */
export function initCommandForm(form, issue) {
  onSubmit(form, find(form, "command-error"), async () => {
    const args = parseArgs(fieldValue(form, "args"));
    await issue(fieldValue(form, "name"), args, Number(fieldValue(form, "timeout")));
  });
}
