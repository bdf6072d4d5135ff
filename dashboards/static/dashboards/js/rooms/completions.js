// Completions of what is being typed: chat commands, their arguments, people, values of devices. Pure.

/**
 * What stands before the caret and can be completed. The completion replaces the text from `start` to the caret.
 *
 * @typedef {{kind: "command", query: string, start: number}} CommandToken
 * @typedef {{kind: "reference", query: string, start: number}} ReferenceToken
 * @typedef {{kind: "argument", query: string, start: number, command: string, args: string[]}} ArgumentToken
 * @typedef {CommandToken | ReferenceToken | ArgumentToken} Token
 */
/** @typedef {{text: string, label: string, help: string}} Completion  `text` is inserted, `label` is shown */
/**
 * What can be completed.
 *
 * @typedef {object} Vocabulary
 * @property {{name: string, usage: string, help: string}[]} commands
 * @property {{username: string, bot?: boolean}[]} people
 * @property {{uid: string, name: string}[]} devices
 * @property {Record<string, string[]>} metrics  by uid, of the devices whose metrics are known
 * @property {string | null} device  uid of the room's own device
 * @property {{arg: string, values: string[]}[]} settable
 * @property {string[]} callable
 */

const MAX_SHOWN = 8;
const RANGES = ["30m", "1h", "6h", "24h", "7d", "30d"];
const REFERENCE = /(?:^|[^\p{L}\p{N}_@.+-])@([\p{L}\p{N}_.+-]{0,200})$/u;

/**
 * The token before the caret, or null if nothing there can be completed.
 *
 * @param {string} text
 * @param {number} caret
 * @returns {Token | null}
 */
export function tokenAt(text, caret) {
  const before = text.slice(0, caret);
  const command = /^\/([\w-]*)$/.exec(before);
  if (command) return { kind: "command", query: command[1], start: 0 };
  const reference = REFERENCE.exec(before);
  if (reference) return { kind: "reference", query: reference[1], start: caret - reference[1].length - 1 };
  const argument = /^\/([\w-]+) (?:(.*) )?(\S*)$/s.exec(before);
  if (!argument) return null;
  const [, name, args, query] = argument;
  const start = caret - query.length;
  return { kind: "argument", command: name.toLowerCase(), args: args ? args.split(" ") : [], query, start };
}

/**
 * The completions of a token, best first.
 *
 * @param {Token} token
 * @param {Vocabulary} vocabulary
 * @returns {Completion[]}
 */
export function completionsOf(token, vocabulary) {
  if (token.kind === "command") return commandsFor(token.query, vocabulary);
  if (token.kind === "reference") return referencesFor(token.query, vocabulary);
  const found = matching(argumentsFor(token, vocabulary), token.query, String);
  return found.map((text) => ({ text: `${text} `, label: text, help: "" }));
}

/** @param {string} query @param {Vocabulary} vocabulary */
function commandsFor(query, { commands }) {
  return matching(commands, query, ({ name }) => name).map(({ name, usage, help }) => {
    const takesArguments = usage.includes(" ");
    return { text: `/${name}${takesArguments ? " " : ""}`, label: usage, help };
  });
}

/** @param {ArgumentToken} token @param {Vocabulary} vocabulary @returns {string[]} */
function argumentsFor({ command, args }, { device, metrics, settable, callable }) {
  const names = metrics[String(device)] ?? [];
  if (!args.length) {
    if (command === "get" || command === "chart") return names;
    if (command === "set") return settable.map(({ arg }) => arg);
    return command === "call" ? callable : [];
  }
  if (command === "chart" && args.length === 1) return RANGES;
  if (command === "set" && args.length === 1) return settable.find(({ arg }) => arg === args[0])?.values ?? [];
  return [];
}

/** @param {string} query @param {Vocabulary} vocabulary @returns {Completion[]} */
function referencesFor(query, { people, devices, metrics, device }) {
  const dot = query.indexOf(".");
  if (dot >= 0) {
    const uid = query.slice(0, dot);
    const found = matching(metrics[uid] ?? [], query.slice(dot + 1), String);
    const complete = (/** @type {string} */ name) => `@${uid}.${name}`;
    if (found.length)
      return found.map((name) => ({ text: `${complete(name)} `, label: complete(name), help: "value" }));
  }
  const ownFirst = [...devices].sort((a, b) => Number(b.uid === device) - Number(a.uid === device));
  const named = matching(people, query, ({ username }) => username);
  const measured = matching(ownFirst, query, ({ uid }) => uid);
  return [
    ...named.map(({ username, bot }) => ({ text: `@${username} `, label: `@${username}`, help: bot ? "bot" : "" })),
    ...measured.map(({ uid, name }) => ({ text: `@${uid}.`, label: `@${uid}.`, help: name })),
  ].slice(0, MAX_SHOWN);
}

/**
 * Those that begin with the query, then those that contain it.
 *
 * @template Item
 * @param {Item[]} all
 * @param {string} query
 * @param {(item: Item) => string} nameOf
 */
function matching(all, query, nameOf) {
  const wanted = query.toLowerCase();
  const begins = (/** @type {Item} */ one) => nameOf(one).toLowerCase().startsWith(wanted);
  const contains = (/** @type {Item} */ one) => !begins(one) && nameOf(one).toLowerCase().includes(wanted);
  return [...all.filter(begins), ...all.filter(contains)].slice(0, MAX_SHOWN);
}
