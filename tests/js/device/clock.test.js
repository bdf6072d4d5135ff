import assert from "node:assert/strict";
import { it } from "node:test";

import { clockText } from "../../../dashboards/static/dashboards/js/device/clock.js";

it("a clock that is wrong is described in its largest unit", () => {
  assert.deepEqual([0, undefined, -14_401, 240, -86_400 * 3, 3 - 1_790_000_000].map(clockText), [
    "",
    "",
    "Clock is 4 h behind",
    "Clock is 4 min ahead",
    "Clock is 3 d behind",
    "Clock was never set",
  ]);
});
