import assert from "node:assert/strict";
import { it } from "node:test";

import {
  availabilityChange,
  commandLabel,
  outcomeText,
  toneOf,
} from "../../../dashboards/static/dashboards/js/device/status_labels.js";

it("a change of availability is the predicate of a sentence", () => {
  assert.deepEqual(
    ["online", "stale", "asleep"].map((status) => availabilityChange(status)),
    ["is online", "has gone silent", "is asleep"],
  );
});

it("a command has a label for each status, and none while nothing is known", () => {
  const labels = ["queued", "timed_out", "unconfirmed", "open", "unknown"].map((status) => commandLabel({ status }));
  assert.deepEqual(labels, ["Queued", "No answer", "Sent, not confirmed", "Waiting", ""]);
});

it("a late answer counts for what it says", () => {
  const late = [
    { status: "timed_out", late: true, error: "" },
    { status: "unconfirmed", late: true },
    { status: "timed_out", late: true, error: "jammed" },
  ];
  assert.deepEqual(late.map(commandLabel), ["Done, but late", "Done, but late", "Refused, but late"]);
  assert.deepEqual(late.map(toneOf), ["succeeded", "succeeded", "failed"]);
  assert.equal(toneOf({ status: "unconfirmed" }), "unconfirmed");
});

it("the outcome of a command includes the reason of its failure", () => {
  const outcomes = [
    { status: "succeeded" },
    { status: "failed", error: "too fast" },
    { status: "failed" },
    { status: "timed_out" },
    { status: "unconfirmed" },
    { status: "refused", error: "This needs the role operator." },
  ];
  assert.deepEqual(outcomes.map(outcomeText), [
    "Done",
    "Refused: too fast",
    "Refused: the device gave no reason",
    "No answer in time",
    "Sent, not confirmed",
    "This needs the role operator.",
  ]);
});
