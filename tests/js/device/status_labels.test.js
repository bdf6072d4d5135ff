import assert from "node:assert/strict";
import { it } from "node:test";

import {
  availabilityChange,
  commandLabel,
  outcomeText,
} from "../../../dashboards/static/dashboards/js/device/status_labels.js";

it("a change of availability is the predicate of a sentence", () => {
  assert.deepEqual(["online", "stale", "asleep"].map(availabilityChange), [
    "is online",
    "has gone silent",
    "is asleep",
  ]);
});

it("a command has a label for each status, and none while nothing is known", () => {
  assert.deepEqual(["queued", "timed_out", "open", "unknown"].map(commandLabel), [
    "Queued",
    "No answer",
    "Waiting",
    "",
  ]);
});

it("the outcome of a command includes the reason of its failure", () => {
  const outcomes = [
    { status: "succeeded" },
    { status: "failed", error: "too fast" },
    { status: "failed" },
    { status: "timed_out" },
    { status: "refused", error: "This needs the role operator." },
  ];
  assert.deepEqual(outcomes.map(outcomeText), [
    "Done",
    "Refused: too fast",
    "Refused: the device gave no reason",
    "No answer in time",
    "This needs the role operator.",
  ]);
});
