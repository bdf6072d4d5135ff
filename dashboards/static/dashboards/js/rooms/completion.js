// What may be meant by what is being typed: chat commands, their arguments, people, values of devices. Pure.

const MOST = 8;
const RANGES = ["30m", "1h", "6h", "24h", "7d", "30d"];
const REFERENCE = /(?:^|[^\p{L}\p{N}_@.+-])@([\p{L}\p{N}_.+-]{0,200})$/u;

/**
 * What stands before the caret and can be completed: `{kind, query, start, command?, args?}`, or null. `kind` is
 * `command`, `argument` or `reference`; the completion takes the place of the text from `start` to the caret.
 */
export function wanted(text, caret) {
  const before = text.slice(0, caret);
  const command = /^\/([\w-]*)$/.exec(before);
  if (command) return { kind: "command", query: command[1], start: 0 };
  const reference = REFERENCE.exec(before);
  if (reference) return { kind: "reference", query: reference[1], start: caret - reference[1].length - 1 };
  const argument = /^\/([\w-]+) (?:(.*) )?(\S*)$/s.exec(before);
  if (!argument) return null;
  const [, name, args, query] = argument;
  return {
    kind: "argument",
    command: name.toLowerCase(),
    args: args ? args.split(" ") : [],
    query,
    start: caret - query.length,
  };
}

/**
 * `[{text, label, help}, …]`, the best first: `text` is what is put in, `label` what the list shows.
 *
 * `known`: `commands` `[{name, usage, help}]`, `people` `[{username}]`, `devices` `[{uid, name}]`, `metrics`
 * (`uid -> [name, …]`, those that are known yet), `device` (uid of the room's own, or null), `settable`
 * `[{arg, values}]`, `callable` `[name, …]`.
 */
export function completions(token, known) {
  if (token.kind === "command") {
    return matching(known.commands, token.query, ({ name }) => name).map(({ name, usage, help }) => {
      const more = usage.includes(" ");
      return { text: `/${name}${more ? " " : ""}`, label: usage, help };
    });
  }
  if (token.kind === "reference") return references(token.query, known);
  return matching(argumentsOf(token, known), token.query, String).map((text) => ({
    text: `${text} `,
    label: text,
    help: "",
  }));
}

function argumentsOf({ command, args }, { device, metrics, settable, callable }) {
  const names = metrics[device] ?? [];
  if (!args.length) {
    if (command === "get" || command === "chart") return names;
    if (command === "set") return settable.map(({ arg }) => arg);
    return command === "call" ? callable : [];
  }
  if (command === "chart" && args.length === 1) return RANGES;
  if (command === "set" && args.length === 1) return settable.find(({ arg }) => arg === args[0])?.values ?? [];
  return [];
}

function references(query, { people, devices, metrics, device }) {
  const dot = query.indexOf(".");
  if (dot >= 0) {
    const uid = query.slice(0, dot);
    const names = metrics[uid] ?? [];
    const found = matching(names, query.slice(dot + 1), String);
    if (found.length)
      return found.map((name) => ({ text: `@${uid}.${name} `, label: `@${uid}.${name}`, help: "value" }));
  }
  const ownFirst = [...devices].sort((a, b) => Number(b.uid === device) - Number(a.uid === device));
  return [
    ...matching(people, query, ({ username }) => username).map(({ username, bot }) => ({
      text: `@${username} `,
      label: `@${username}`,
      help: bot ? "bot" : "",
    })),
    ...matching(ownFirst, query, ({ uid }) => uid).map(({ uid, name }) => ({
      text: `@${uid}.`,
      label: `@${uid}.`,
      help: name,
    })),
  ].slice(0, MOST);
}

/** Those that begin with the query, then those that hold it. */
function matching(all, query, nameOf) {
  const wanted = query.toLowerCase();
  const begins = (one) => nameOf(one).toLowerCase().startsWith(wanted);
  const holds = (one) => !begins(one) && nameOf(one).toLowerCase().includes(wanted);
  return [...all.filter(begins), ...all.filter(holds)].slice(0, MOST);
}
