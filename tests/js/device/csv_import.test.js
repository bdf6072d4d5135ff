import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { importFile } from "../../../dashboards/static/dashboards/js/device/csv_import.js";
import { ImportReport, refusedCsv } from "../../../dashboards/static/dashboards/js/device/import_report.js";

const real = { fetch: globalThis.fetch, document: globalThis.document };
beforeEach(() => Object.assign(globalThis, { document: { cookie: "a=b; csrftoken=t" } }));
afterEach(() => Object.assign(globalThis, real));

const json = (status, content) => new Response(JSON.stringify(content), { status });
const taken = { stored: 1, present: 2, refused: 0, reasons: [], lines: [] };
const refusal = (line) => ({ line, text: "soon,1", reason: "timestamp_invalid", meaning: "no time", detail: "" });
const options = () => ({ signal: new AbortController().signal, onReport: () => {} });
const file = (lines) => new Blob(["time,a\n", "1700000000000,12345\n".repeat(lines)]);

/** A hub that gives these answers in turn; returns the requests. */
function hub(...answers) {
  const asked = [];
  globalThis.fetch = async (url, request) => {
    asked.push({ url, ...request });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return json(...answer);
  };
  return asked;
}

describe("an import", () => {
  it("adds up the answers to the pieces, with the file's line numbers", async () => {
    const answer = {
      ...taken,
      refused: 1,
      reasons: [{ reason: "timestamp_invalid", meaning: "no time", count: 1 }],
      lines: [refusal(3)],
    };
    const asked = hub([200, answer]);
    const report = await importFile(file(40_000), "pump-1", options());
    assert.ok(asked.length >= 4);
    assert.equal(asked[0].url, "/api/v1/devices/pump-1/readings.csv");
    assert.equal(asked[0].headers["X-CSRFToken"], "t");
    assert.deepEqual([report.stored, report.present, report.refused], [asked.length, 2 * asked.length, asked.length]);
    assert.equal(report.reasons.get("timestamp_invalid").count, asked.length);
    assert.equal(report.lines[0].line, 3);
    assert.ok(report.lines[1].line > 9_000);
    assert.equal(report.bytes, file(40_000).size);
  });

  it("keeps only the first hundred refused lines", async () => {
    const lines = Array.from({ length: 60 }, (_, i) => refusal(i + 2));
    hub([200, { ...taken, refused: 60, reasons: [], lines }]);
    const report = await importFile(file(40_000), "pump-1", options());
    assert.equal(report.lines.length, 100);
    assert.ok(report.refused > 200);
  });

  it("ends at a file that the hub cannot read, with the hub's message", async () => {
    const asked = hub([
      422,
      { error: { code: "refused", reason: "invalid_header", message: "no column of times", retry: false } },
    ]);
    await assert.rejects(importFile(file(40_000), "pump-1", options()), {
      code: "refused",
      message: "no column of times",
    });
    assert.equal(asked.length, 1);
  });

  it("sends a piece again after a temporary failure", async () => {
    const asked = hub(new TypeError("network error"), [200, taken]);
    const report = await importFile(file(1), "pump-1", options());
    assert.equal(asked.length, 2);
    assert.deepEqual(asked[0].body, asked[1].body);
    assert.equal(report.stored, 1);
  });

  it("ends when it is cancelled, with the report so far", async () => {
    const controller = new AbortController();
    const report = new ImportReport();
    hub([200, taken], new DOMException("cancelled", "AbortError"));
    const onReport = () => controller.abort();
    await assert.rejects(
      importFile(file(40_000), "pump-1", { ...options(), signal: controller.signal, onReport, report }),
    );
    assert.equal(report.stored, 1);
    assert.ok(report.bytes > 0);
  });
});

describe("the file of refused lines", () => {
  it("quotes cells that need it and contains no formula", () => {
    const text = refusedCsv([{ ...refusal(7), text: '=1,"x"\ny', detail: "" }]);
    assert.equal(text, `line,reason,meaning,detail,text\n7,timestamp_invalid,no time,,"'=1,""x""\ny"\n`);
  });
});
