import assert from "node:assert/strict";
import { it } from "node:test";

import { fit, gridMetres } from "../../../dashboards/static/dashboards/js/charts/map_projection.js";

it("north is up, and all positions lie within the margin", () => {
  const positions = [
    [0, 52.0, 4.0],
    [1, 52.01, 4.02],
  ];
  const { project } = fit(positions, 400, 300);
  const [[x1, y1], [x2, y2]] = positions.map(project);
  assert.ok(x1 < x2 && y1 > y2);
  for (const [x, y] of [
    [x1, y1],
    [x2, y2],
  ])
    assert.ok(x >= 31.9 && x <= 368.1 && y >= 31.9 && y <= 268.1, `${x}, ${y}`);
});

it("a parked device is not enlarged beyond 40 metres", () => {
  const projection = fit([[0, 52, 4]], 400, 300);
  assert.deepEqual(projection.project([0, 52, 4]), [200, 150]);
  assert.equal(projection.pixelsPerMetre * 40, 300 - 64);
});

it("grid lines are 1, 2 or 5 times a power of ten apart", () => {
  assert.deepEqual(
    [80, 41, 0.9, 0.008].map((pixelsPerMetre) => gridMetres({ pixelsPerMetre })),
    [1, 2, 100, 10_000],
  );
});
