// What came of trying a script: on a payload, and on test vectors.

import { clone, make, makeButton, setText } from "../shell/dom.js";

/** @import { ScriptError, Tried, TriedExample } from "./decoder_api.js" */

/** @param {number} us */
function duration(us) {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(1)} ms`;
}

/**
 * @param {ScriptError} error
 * @param {string} className
 * @param {(line: number) => void} goTo
 */
function errorText({ message, line }, className, goTo) {
  const text = make("p", className, message);
  if (line)
    text.append(
      " ",
      makeButton("trial-line", `Go to line ${line}`, () => goTo(line)),
    );
  return text;
}

/** @param {Tried["samples"]} samples */
function sampleTable(samples) {
  const table = make("table");
  table.append(
    ...samples.map(({ metric, value }) => {
      const row = make("tr");
      const name = make("th", "", metric);
      name.scope = "row";
      row.append(name, make("td", "", String(value)));
      return row;
    }),
  );
  return table;
}

/**
 * Shows the result of one payload in `root`.
 *
 * @param {HTMLElement} root
 * @param {Tried} tried
 * @param {(line: number) => void} goTo
 */
export function showTrial(root, { samples, skipped, warnings, errors, console, us }, goTo) {
  const printed = make("pre", "", console.join("\n"));
  root.replaceChildren(
    ...errors.map((error) => errorText(error, "trial-error", goTo)),
    ...[...warnings, ...skipped].map((text) => make("p", "trial-warning", text)),
    ...(samples.length ? [sampleTable(samples)] : []),
    ...(console.length ? [printed] : []),
    make("p", "muted small-note", `Took ${duration(us)}. Nothing was stored.`),
  );
  root.hidden = false;
}

/**
 * Shows test vectors that were run in `list`.
 *
 * @param {HTMLElement} list
 * @param {TriedExample[]} examples
 */
export function showVectors(list, examples) {
  list.replaceChildren(
    ...examples.map(({ description, passed, expected, got, errors }, i) => {
      const row = clone("vector-row");
      row.root.dataset.passed = String(passed);
      setText(row.sign, passed ? "Passed" : "Failed");
      setText(row.name, description || `Vector ${i + 1}`);
      setText(row.error, passed ? "" : errors.map(({ message }) => message).join(" "));
      row.values.hidden = passed;
      setText(row.expected, JSON.stringify(expected));
      setText(row.got, got === null ? "nothing" : JSON.stringify(got));
      return row.root;
    }),
  );
}
