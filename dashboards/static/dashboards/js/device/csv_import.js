// Imports a CSV file of any size: piece by piece, so that it can be shown, cancelled and begun again.

import { Slicer } from "./csv_slices.js";

const MAX_TOLD = 100; // refused lines that are shown; the others are counted alone
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** The hub took nothing of a piece: `code` and `message` are its own. */
export class ImportError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** What came of a file so far. */
export class Report {
  bytes = 0;
  stored = 0;
  present = 0;
  refused = 0;
  reasons = new Map(); // reason -> { meaning, count }
  lines = []; // { line, text, reason, meaning, detail }

  take(answer, { offset, lineOf }) {
    this.bytes = offset;
    this.stored += answer.stored;
    this.present += answer.present;
    this.refused += answer.refused;
    for (const { reason, meaning, count } of answer.reasons) {
      this.reasons.set(reason, { meaning, count: count + (this.reasons.get(reason)?.count ?? 0) });
    }
    const room = Math.max(0, MAX_TOLD - this.lines.length);
    this.lines.push(...answer.lines.slice(0, room).map((line) => ({ ...line, line: lineOf(line.line) })));
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

async function send(url, body, { token, signal }) {
  const headers = { "Content-Type": "text/csv", "X-CSRFToken": token, Accept: "application/json" };
  const response = await fetch(url, { method: "POST", body, headers, signal });
  const answer = await response.json();
  if (!response.ok)
    throw Object.assign(new ImportError(answer.error.reason ?? answer.error.code, answer.error.message), {
      retry: answer.error.retry,
    });
  return answer;
}

/** Tries again while the hub is away or busy: a piece that was stored already is absorbed. */
async function sendSurely(url, body, options) {
  for (const ms of PAUSES_MS) {
    try {
      return await send(url, body, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof ImportError && !error.retry) throw error;
      await pause(ms, options.signal);
    }
  }
  return send(url, body, options);
}

/** Sends `file` to the device and calls `onReport` after each piece. Raises what ends it early. */
export async function importFile(file, uid, { token, signal, onReport, report = new Report() }) {
  const url = `/api/v1/devices/${encodeURIComponent(uid)}/readings.csv`;
  const slicer = new Slicer();
  const reader = file.stream().getReader();
  const sendAll = async (pieces) => {
    for (const piece of pieces) {
      report.take(await sendSurely(url, piece.body, { token, signal }), piece);
      onReport(report);
    }
  };
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) await sendAll(slicer.push(read.value));
    await sendAll(slicer.end());
  } finally {
    reader.cancel().catch(() => {});
  }
  return report;
}

const TO_QUOTE = /[",;\t\r\n]/;
const cell = (text) => (TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The refused lines as a CSV file. What a spreadsheet would take for a formula has an apostrophe in front. */
export function refusedCsv(lines) {
  const safe = (text) => cell(/^[=+\-@\t\r\n'＝＋－＠]/.test(text) ? `'${text}` : text);
  const rows = lines.map(({ line, reason, meaning, detail, text }) =>
    [String(line), reason, meaning, detail, text].map(safe).join(","),
  );
  return ["line,reason,meaning,detail,text", ...rows, ""].join("\n");
}
