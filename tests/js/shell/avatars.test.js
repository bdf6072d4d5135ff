import assert from "node:assert/strict";
import { it } from "node:test";

import { initialOf } from "../../../dashboards/static/dashboards/js/shell/avatars.js";

it("an avatar has the first letter or digit of the name", () => {
  assert.deepEqual(["bob", "_é", "💡", ""].map(initialOf), ["B", "É", "?", "?"]);
});
