// JSON as a person would write it: what fits into a line stands in one.

const WIDTH = 100;

/**
 * @param {unknown} value
 * @param {number} [indent]
 * @returns {string}
 */
export function compactJson(value, indent = 0) {
  const line = inOneLine(value);
  if (line.length + indent <= WIDTH || typeof value !== "object" || value === null) return line;
  const isList = Array.isArray(value);
  const inner = " ".repeat(indent + 2);
  const items = isList
    ? value.map((item) => compactJson(item, indent + 2))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${compactJson(item, indent + 2)}`);
  const [open, close] = isList ? "[]" : "{}";
  return `${open}\n${items.map((item) => inner + item).join(",\n")}\n${" ".repeat(indent)}${close}`;
}

/** @param {unknown} value @returns {string} */
function inOneLine(value) {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inOneLine(item)}`);
  return `{${pairs.join(", ")}}`;
}
