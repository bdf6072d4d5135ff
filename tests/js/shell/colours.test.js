import assert from "node:assert/strict";
import { it } from "node:test";

import { hueOfMetric } from "../../../dashboards/static/dashboards/js/shell/colours.js";

it("a quantity has the same hue everywhere", () => {
  assert.deepEqual(
    [
      hueOfMetric("temperature", "°C"),
      hueOfMetric("x", "°C"),
      hueOfMetric("power", ""),
      hueOfMetric("humidity", "%"),
      hueOfMetric("battery", "%"),
      hueOfMetric("x", ""),
    ],
    ["coral", "coral", "amber", "teal", "olive", "blue"],
  );
});
