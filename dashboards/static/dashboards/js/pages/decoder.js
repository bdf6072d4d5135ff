// One decoder: its script, trying it, and its test vectors.

import { changeDecoder, tryDecoder } from "../decoders/decoder_api.js";
import { ScriptEditor } from "../decoders/script_editor.js";
import { showTrial, showVectors } from "../decoders/trial_view.js";
import { find, pageData, select, selectAll, setText } from "../shell/dom.js";
import { fieldValue, onSubmit } from "../shell/forms.js";

const page = pageData();
const editor = new ScriptEditor(find(document, "script-editor"));
const goTo = (/** @type {number} */ line) => editor.goTo(line);

/** The vectors as typed. Throws an error with a sentence. @returns {object[]} */
function vectors() {
  const text = select(document, "[name=examples]", HTMLTextAreaElement).value.trim();
  if (!text) return [];
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error(`The test vectors are not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!Array.isArray(found)) throw new Error("The test vectors are a list.");
  return found;
}

/** @param {{errors: {line: number | null}[]}[]} tried */
function markFirst(tried) {
  editor.mark(tried.flatMap(({ errors }) => errors).find(({ line }) => line)?.line ?? 0);
}

for (const form of selectAll(document, "[data-try]", HTMLFormElement))
  onSubmit(form, find(form, "try-error"), async () => {
    const port = fieldValue(form, "port");
    const bytes = fieldValue(form, "bytes");
    const { result } = await tryDecoder(page.id, {
      script: editor.script,
      bytes,
      ...(port ? { fPort: Number(port) } : {}),
    });
    if (!result) return;
    markFirst([result]);
    showTrial(find(document, "trial"), result, goTo);
  });

for (const form of selectAll(document, "[data-vectors]", HTMLFormElement))
  onSubmit(form, find(form, "vectors-error"), async () => {
    const tried = await tryDecoder(page.id, { script: editor.script, examples: vectors() });
    const passed = tried.examples.filter((one) => one.passed).length;
    setText(find(document, "vectors-count"), `${passed} of ${tried.examples.length} passed`);
    markFirst(tried.examples);
    showVectors(find(document, "vector-list"), tried.examples);
  });

if (page.may_manage) {
  const form = find(document, "save", HTMLFormElement);
  const state = find(form, "save-state");
  form.addEventListener("input", () => setText(state, "Not saved yet"));
  onSubmit(form, find(form, "save-error"), async () => {
    const { name } = await changeDecoder(page.id, {
      script: editor.script,
      name: fieldValue(form, "name"),
      profile: fieldValue(form, "profile"),
      f_port: Number(fieldValue(form, "f_port")),
      examples: vectors(),
    });
    setText(select(document, "h1"), name);
    setText(state, "Saved. The next message is decoded by it.");
  });
}
