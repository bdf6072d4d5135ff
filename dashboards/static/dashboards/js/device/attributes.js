// What a device's attributes describe: units, controls, commands, and facts for people. Pure.

/** @import { Attributes, Value } from "../live/protocol.d.ts" */

/**
 * What a device offers. `arg` is the argument of `set`, or the name of the command that a button sends.
 *
 * @typedef {{kind: "switch", arg: string}} SwitchSpec
 * @typedef {{kind: "choice", arg: string, choices: string[]}} ChoiceSpec
 * @typedef {{kind: "slider", arg: string, min: number, max: number, step: number}} SliderSpec
 * @typedef {{kind: "button", arg: string, label: string}} ButtonSpec
 * @typedef {SwitchSpec | ChoiceSpec | SliderSpec | ButtonSpec} ControlSpec
 */

/**
 * The unit of a metric, from the attribute `units.<metric>`.
 *
 * @param {Attributes} attributes
 * @param {string} metric
 */
export function unitOf(attributes, metric) {
  return String(attributes[`units.${metric}`] ?? "");
}

/**
 * The controls that `controls.<arg>` attributes offer. Those that can't be read are left out.
 *
 * @param {Attributes} attributes
 */
export function controlsOf(attributes) {
  return attributesBelow(attributes, "controls.").flatMap(([arg, text]) => parseControl(arg, text) ?? []);
}

/**
 * The buttons that `commands.<name>` attributes offer.
 *
 * @param {Attributes} attributes
 * @returns {ButtonSpec[]}
 */
export function buttonsOf(attributes) {
  return attributesBelow(attributes, "commands.").flatMap(([name, text]) => {
    const [, label] = /^button\s*(.*)$/s.exec(text) ?? [];
    return label === undefined ? [] : { kind: "button", arg: name, label: label.trim() || name };
  });
}

/**
 * Attributes for people: those that aren't instructions to the page.
 *
 * @param {Attributes} attributes
 * @returns {[name: string, value: Value][]}
 */
export function factsOf(attributes) {
  return Object.entries(attributes).filter(([name]) => !/^(units|controls|commands)\./.test(name));
}

/**
 * The words for true and false: what can be switched is on or off, anything else is yes or no.
 *
 * @param {Attributes} attributes
 * @param {string} metric
 */
export function wordsOf(attributes, metric) {
  if (metric === "on") return ["Yes", "No"];
  const isSwitched = attributes[`controls.${metric}`] === "switch" || /(^|[._])(relay|heater|light|fan)$/i.test(metric);
  return isSwitched ? ["On", "Off"] : ["Yes", "No"];
}

/** @param {Attributes} attributes @param {string} prefix @returns {[name: string, text: string][]} */
function attributesBelow(attributes, prefix) {
  const own = Object.entries(attributes).filter(([name]) => name.startsWith(prefix) && name.length > prefix.length);
  return own.map(([name, value]) => [name.slice(prefix.length), String(value).trim()]);
}

/** @param {string} arg @param {string} text @returns {SwitchSpec | ChoiceSpec | SliderSpec | null} */
function parseControl(arg, text) {
  const [kind, ...rest] = text.split(/\s+/);
  if (kind === "switch") return { kind, arg };
  if (kind === "choice" && rest.length) return { kind, arg, choices: rest };
  if (kind !== "slider") return null;
  const [min, max, step = (max - min) / 100] = rest.map(Number);
  return min < max && step > 0 ? { kind, arg, min, max, step } : null;
}
