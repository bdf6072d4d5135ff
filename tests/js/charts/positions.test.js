import assert from "node:assert/strict";
import { it } from "node:test";

import { joinPositions } from "../../../dashboards/static/dashboards/js/charts/positions.js";

const line = (...points) => [points.map(([time]) => time), points.map(([, value]) => value), [], []];

it("a latitude is joined with the longitude that is nearest in time", () => {
  const joined = joinPositions(line([0, 52], [10_000, 53]), line([500, 4], [9_000, 5], [9_900, 6]));
  assert.deepEqual(joined, [
    [0, 52, 4],
    [10_000, 53, 6],
  ]);
});

it("a latitude without a longitude within two seconds is left out", () => {
  assert.deepEqual(joinPositions(line([0, 52], [10_000, 53]), line([2_500, 4])), []);
});

it("the track breaks where the latitudes do", () => {
  const joined = joinPositions(line([0, 52], [5_000, null], [9_000, 53]), line([0, 4], [9_000, 5]));
  assert.deepEqual(joined, [[0, 52, 4], null, [9_000, 53, 5]]);
});
