// A new mapping: its rules, a broker's messages, and what would be stored of them.

import { find, pageData, select, setText } from "../shell/dom.js";
import { fieldValue, messageOf, onSubmit } from "../shell/forms.js";
import { compactJson } from "../sources/compact_json.js";
import { addMapping, listenAt, loadPresets, tryMapping } from "../sources/mapping_api.js";
import { messageRow } from "../sources/mapping_view.js";
import { suggestedRule } from "../sources/suggested_rule.js";

/** @import { Message, Outcome, Preset } from "../sources/mapping_api.js" */

const MOST_MESSAGES = 50;
const PAUSE_MS = 300;

const { space } = pageData();
const form = find(document, "save", HTMLFormElement);
const text = select(form, "[name=definition]", HTMLTextAreaElement);
const prefix = select(form, "[name=prefix]", HTMLInputElement);
const broker = select(form, "[name=broker]", HTMLSelectElement);
const presets = find(form, "presets", HTMLSelectElement);
const listening = find(document, "listen", HTMLFormElement);
const filter = select(listening, "[name=filter]", HTMLInputElement);
const error = find(form, "error");

/** @type {Message[]} */
let messages = [];
/** @type {Preset[]} */
let known = [];
let timer = 0;
let latest = 0;

/** The definition as typed. Throws an error with a sentence. */
function definition() {
  try {
    return JSON.parse(text.value || '{"rules": []}');
  } catch (problem) {
    throw new Error(`The rules are not JSON: ${messageOf(problem)}`);
  }
}

/** A message in the form in which it is tried. @param {Message} message @returns {Message} */
function bare({ topic, payload, payload_hex }) {
  return payload_hex ? { topic, payload_hex } : { topic, payload };
}

/** Tries the mapping on all messages a moment after the last change. */
function retry() {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE_MS);
}

async function show() {
  const number = ++latest;
  /** @type {Outcome[]} */
  let outcomes = [];
  let problem = "";
  let filters = "";
  try {
    const options = definition();
    if (options.rules?.length) {
      const tried = await tryMapping({ space, prefix: prefix.value.trim(), options, messages: messages.map(bare) });
      outcomes = tried.messages;
      filters = `The hub listens to ${tried.filters.join(", ") || "nothing"}.`;
      if (tried.publishes_on.length) filters += ` It publishes on ${tried.publishes_on.join(", ")}.`;
    } else outcomes = messages.map(() => ({ problem: "No rule fits its topic yet.", devices: [], publishes: [] }));
  } catch (failure) {
    problem = messageOf(failure);
  }
  if (number !== latest) return;
  setText(error, problem);
  setText(find(form, "filters"), filters);
  find(document, "messages").replaceChildren(
    ...messages.map((message, i) => messageRow(message, outcomes[i] ?? null, () => suggest(message))),
  );
  setText(find(document, "count"), String(messages.length));
  find(document, "empty").hidden = messages.length > 0;
}

/** Puts a rule for this message before the others. @param {Message} message */
function suggest(message) {
  try {
    const options = definition();
    const found = suggestedRule(message, prefix.value.trim());
    prefix.value = found.prefix;
    text.value = compactJson({ ...options, rules: [found.rule, ...(options.rules ?? [])] });
    show();
  } catch (failure) {
    setText(error, messageOf(failure));
  }
}

/** @param {Message[]} added the newest last */
function add(added) {
  messages = [...added.toReversed(), ...messages].slice(0, MOST_MESSAGES);
  show();
}

function choosePreset() {
  const preset = known.find(({ name }) => name === presets.value);
  const needs = find(form, "needs");
  setText(needs, preset?.needs ?? "");
  needs.hidden = !preset?.needs;
  if (!preset) return;
  prefix.value = preset.prefix;
  filter.value = `${preset.prefix}/#`;
  text.value = compactJson(preset.definition);
  messages = preset.examples;
  show();
}

form.addEventListener("input", (event) => {
  if (event.target === presets) choosePreset();
  else retry();
});
prefix.addEventListener("change", () => {
  if (!filter.value && prefix.value.trim()) filter.value = `${prefix.value.trim()}/#`;
});

onSubmit(listening, find(document, "listen-error"), async () => {
  const count = find(document, "count");
  setText(count, "listening…");
  try {
    const { items } = await listenAt({ space, broker: broker.value, filter: fieldValue(listening, "filter") });
    if (!items.length) throw new Error("Nothing was published there in these seconds.");
    add(items);
  } finally {
    setText(count, String(messages.length));
  }
});

const pasting = find(document, "paste", HTMLFormElement);
onSubmit(pasting, find(document, "paste-error"), async () => {
  add([{ topic: fieldValue(pasting, "topic"), payload: fieldValue(pasting, "payload") }]);
});

onSubmit(form, error, async () => {
  const added = await addMapping({
    space,
    broker: broker.value,
    prefix: prefix.value.trim(),
    options: definition(),
    adopt: select(form, "[name=adopt]", HTMLInputElement).checked,
  });
  location.assign(`/sources/${added.id}/`);
});

const asked = new URLSearchParams(location.search).get("broker");
if (asked && [...broker.options].some(({ value }) => value === asked)) broker.value = asked;

loadPresets().then(
  ({ items }) => {
    known = items;
    presets.append(...items.map(({ name, title }) => new Option(title, name)));
    const wanted = new URLSearchParams(location.search).get("preset");
    if (!wanted || !items.some(({ name }) => name === wanted)) return;
    presets.value = wanted;
    choosePreset();
  },
  (failure) => setText(error, messageOf(failure)),
);
show();
