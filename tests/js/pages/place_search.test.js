import assert from "node:assert/strict";
import { it } from "node:test";

import { searchPlaces } from "../../../dashboards/static/dashboards/js/pages/place_search.js";

const place = (name, hint = "", room) => ({ name, hint, room });
const names = (found) => found.map(({ name }) => name);

const PLACES = [
  place("Night shift", "Demo", 1),
  place("Irrigation pump", "pump-1", 2),
  place("Pump house", "Demo", 3),
  place("École", "Lab", 4),
  place("bob", "", 5),
];

it("without a search text the hub’s order is kept, unread places first", () => {
  const counts = new Map([
    [3, { unread: 4, mentions: 0 }],
    [5, { unread: 1, mentions: 1 }],
  ]);
  assert.deepEqual(names(searchPlaces(PLACES, "")), names(PLACES));
  assert.deepEqual(names(searchPlaces(PLACES, " ", counts)), [
    "bob",
    "Pump house",
    "Night shift",
    "Irrigation pump",
    "École",
  ]);
});

it("every word must be in the name or the hint", () => {
  assert.deepEqual(names(searchPlaces(PLACES, "pump demo")), ["Pump house"]);
  assert.deepEqual(names(searchPlaces(PLACES, "nothing")), []);
});

it("a match at the beginning is better than one in the middle", () => {
  const [middle, word, start] = [place("Sump"), place("Old umpire"), place("Umbrella ump")];
  assert.deepEqual(searchPlaces([middle, word, start], "um"), [start, word, middle]);
});

it("capitals and accents don’t matter", () => {
  assert.deepEqual(names(searchPlaces(PLACES, "ecole")), ["École"]);
  assert.deepEqual(names(searchPlaces(PLACES, "ÉCOLE")), ["École"]);
});

it("only the best matches are returned", () => {
  assert.equal(
    searchPlaces(
      Array.from({ length: 2_000 }, (_, n) => place(`sensor ${n}`)),
      "sensor",
    ).length,
    12,
  );
});
