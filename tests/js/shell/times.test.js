import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { age, dayName, span, timeLabels, timeLeft } from "../../../dashboards/static/dashboards/js/shell/times.js";

describe("time passed", () => {
  it("is given in its largest whole unit", () => {
    assert.deepEqual([999, 59_999, 60_000, 7_200_000, 200_000_000, 70_000_000_000].map(span), [
      "0 s",
      "59 s",
      "1 min",
      "2 h",
      "2 d",
      "2 y",
    ]);
  });

  it("is now while it is fresh, and when the sender's clock runs ahead", () => {
    assert.deepEqual([age(0, 1_999), age(0, 4_000), age(9_000, 0)], ["now", "4 s", "now"]);
  });
});

describe("time left", () => {
  it("is told in words", () => {
    assert.deepEqual([500, 60_000, 3_000_000, 3_599_999, 8_000_000, 604_790_000].map(timeLeft), [
      "less than a minute left",
      "1 minute left",
      "50 minutes left",
      "1 hour left",
      "2 hours left",
      "7 days left",
    ]);
  });
});

describe("labels of a time axis", () => {
  it("shows seconds only where they matter, and the day where it changes", () => {
    const midnight = new Date(2026, 0, 2).getTime();
    assert.deepEqual(timeLabels([midnight - 30_000, midnight + 1_000], 1_000)[0], "23:59:30");
    const [before, at, after] = timeLabels([midnight - 3_600_000, midnight, midnight + 3_600_000], 3_600_000);
    assert.deepEqual([before, at, after], ["23:00", "2 Jan", "01:00"]);
  });
});

describe("the name of a day", () => {
  it("is relative to today", () => {
    const now = new Date(2026, 10, 25, 0, 30).getTime();
    assert.equal(dayName(now - 60_000, now), "Today");
    assert.equal(dayName(now - 3_600_000, now), "Yesterday");
    assert.equal(dayName(now - 3 * 86_400_000, now), "Sunday 22 November");
    assert.equal(dayName(new Date(2024, 0, 2).getTime(), now), "2 January 2024");
  });
});
