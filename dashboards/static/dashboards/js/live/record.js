// Objects used as maps from names that devices choose.

/**
 * An object without a prototype: a device may call its metric `constructor`.
 *
 * @template Content
 * @param {Record<string, Content>} [entries]
 * @returns {Record<string, Content>}
 */
export function record(entries = {}) {
  return Object.assign(Object.create(null), entries);
}
