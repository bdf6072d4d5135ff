// The form that sends any command: a name, and arguments as JSON.

import { setText } from "../shell/dom.js";

/** Arguments from their text; throws a `SyntaxError` that a person can read. */
export function parseArgs(text) {
  if (!text.trim()) return {};
  let args;
  try {
    args = JSON.parse(text);
  } catch {
    throw new SyntaxError("The arguments are not JSON.");
  }
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new SyntaxError('The arguments must be an object, such as {"interval": 5}.');
  }
  return args;
}

const PROBLEMS = { refused: true, unknown: true };

/** Wires `form`; `send(name, args)` resolves with the outcome, which the list of commands shows. */
export function commandForm(form, send) {
  const problem = form.querySelector("[data-command-error]");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    setText(problem, "");
    try {
      const args = parseArgs(form.elements.args.value);
      button.disabled = true;
      const outcome = await send(form.elements.name.value.trim(), args);
      if (PROBLEMS[outcome.status]) setText(problem, outcome.error);
    } catch (error) {
      setText(problem, error.message);
    } finally {
      button.disabled = false;
    }
  });
}
