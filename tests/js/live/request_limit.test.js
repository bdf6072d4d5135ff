import assert from "node:assert/strict";
import { it } from "node:test";
import { withinLimit } from "../../../dashboards/static/dashboards/js/live/request_limit.js";

const LIMIT = 4;

/** Lets everything run that waits for nothing. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Requests that run until they are ended. */
function requests(count) {
  const begun = [];
  const ends = [];
  const all = Array.from({ length: count }, (_, number) =>
    withinLimit(() => {
      begun.push(number);
      return new Promise((resolve, reject) => {
        ends[number] = { resolve, reject };
      });
    }),
  );
  return { begun, ends, all };
}

it("begins four requests, and each further one, in order, when another has ended", async () => {
  const { begun, ends, all } = requests(7);
  await settle();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  ends[2].resolve("two");
  await settle();
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  ends[0].reject(new Error("failed"));
  await assert.rejects(all[0], /failed/);
  await settle();
  assert.equal(begun.length, LIMIT + 2);
  assert.equal(await all[2], "two");
  for (const number of [1, 3, 4, 5]) ends[number].resolve(number);
  await settle();
  ends[6].resolve(6);
  assert.deepEqual(await Promise.all([1, 3, 4, 5, 6].map((number) => all[number])), [1, 3, 4, 5, 6]);
});

it("runs no more than four when one ends at the moment that another one is asked for", async () => {
  const { begun, ends } = requests(5);
  await settle();
  ends[0].resolve();
  await Promise.resolve(); // the place is given to the fifth, which has not begun yet
  const late = requests(1);
  await settle();
  assert.equal(begun.length + late.begun.length, LIMIT + 1);
  for (const number of [1, 2, 3]) ends[number].resolve();
  await settle();
  for (const end of [...ends.slice(4), ...late.ends]) end?.resolve();
});
