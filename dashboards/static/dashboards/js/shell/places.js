// Where one can go, and what of it a few letters mean. Pure.

const SHOWN = 12;
const NO_COUNTS = { unread: 0, mentions: 0 };

/**
 * Of `places` (`{name, hint, room?}`, in the hub's order) those in which every word of `text` stands, best first: a
 * name that begins with the text, then a word that does, then the rest. `counts` (room id -> `{unread, mentions}`)
 * puts what is unread in front.
 */
export function rank(places, text, counts = new Map()) {
  const words = fold(text).split(/\s+/).filter(Boolean);
  const fitting = places.filter(({ name, hint }) => words.every((word) => fold(`${name} ${hint}`).includes(word)));
  const marks = new Map(fitting.map((place) => [place, mark(place, words, counts.get(place.room) ?? NO_COUNTS)]));
  return fitting.sort((a, b) => marks.get(a) - marks.get(b)).slice(0, SHOWN); // which keeps the order of equals
}

function mark({ name, hint }, words, { unread, mentions }) {
  const urgency = mentions ? 0 : unread ? 1 : 2;
  if (!words.length) return urgency;
  const [whole, first] = [fold(name), words[0]];
  if (whole.startsWith(first) || fold(hint).startsWith(first)) return urgency;
  return 10 + urgency + (whole.split(/[\s_.-]+/).some((part) => part.startsWith(first)) ? 0 : 10);
}

/** `É` and `e` are the same letter to who is in a hurry. */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
