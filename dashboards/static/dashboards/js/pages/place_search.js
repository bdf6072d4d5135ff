// Search among the places that a person can go to: rooms, people, devices, dashboards. Pure.

/**
 * @typedef {{kind: string, name: string, hint: string, url: string, room?: number}} Place
 * @typedef {{unread: number, mentions: number}} Counts
 */

const SHOWN = 12;
const NO_COUNTS = { unread: 0, mentions: 0 };

/**
 * The places (in the hub's order) that contain every word of `text`, best first: a name that begins with the text, then
 * a name with a word that does, then the rest. Places with unread messages come before others.
 *
 * @param {Place[]} places
 * @param {string} text
 * @param {Map<number | undefined, Counts>} [counts]  by room
 */
export function searchPlaces(places, text, counts = new Map()) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  const found = places.filter(({ name, hint }) => words.every((word) => fold(`${name} ${hint}`).includes(word)));
  const ranks = new Map(found.map((place) => [place, rankOf(place, words, counts.get(place.room) ?? NO_COUNTS)]));
  const rank = (/** @type {Place} */ place) => ranks.get(place) ?? 0;
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN); // the sort keeps the order of equals
}

/** @param {Place} place @param {string[]} words @param {Counts} counts */
function rankOf({ name, hint }, words, { unread, mentions }) {
  const urgency = mentions ? 0 : unread ? 1 : 2;
  if (!words.length) return urgency;
  const [whole, first] = [fold(name), words[0]];
  if (whole.startsWith(first) || fold(hint).startsWith(first)) return urgency;
  return 10 + urgency + (whole.split(/[\s_.-]+/).some((part) => part.startsWith(first)) ? 0 : 10);
}

/** Lower case without accents, as people type in a hurry. @param {string} text */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
