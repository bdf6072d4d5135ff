import assert from "node:assert/strict";
import { it } from "node:test";

import { titleOf } from "../../../dashboards/static/dashboards/js/shell/metric_title.js";

it("titles read as a person would write them", () => {
  assert.deepEqual(["phase.l1", "soil_moisture", "co2", "rpm", "airPressure", "."].map(titleOf), [
    "Phase L1",
    "Soil moisture",
    "CO₂",
    "RPM",
    "Air pressure",
    ".",
  ]);
});
