// What a text refers to, as the hub reads it: people (`@bob`) and values of devices (`@pump-1.temperature`). Pure.

const REFERENCE = /(?<![\p{L}\p{N}_@.+-])@([\p{L}\p{N}_@.+-]{1,200})/gu;
/** May stand in a name, and at its end rather is the sentence's. */
const ENDS = ".-+@";

/**
 * The text in pieces: strings, and `{mention: "bob"}` or `{value: "pump-1.temperature"}` for what the message names.
 * `mentions` and `values` are the message's data: what they don't hold is plain text.
 */
export function pieces(text, { mentions = [], values = {} }) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const name = known(match[1], mentions, values);
    if (!name) continue;
    if (match.index > from) found.push(text.slice(from, match.index));
    found.push(mentions.includes(name) ? { mention: name } : { value: name });
    from = match.index + 1 + name.length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

function known(candidate, mentions, values) {
  for (let name = candidate; name; name = name.slice(0, -1)) {
    if (mentions.includes(name) || Object.hasOwn(values, name)) return name;
    if (!ENDS.includes(name.at(-1))) return null;
  }
  return null;
}

/** `[uid, metric]` of `pump-1.phase.l1`. */
export function metricOf(name) {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}
