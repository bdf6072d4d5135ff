// Imports a CSV file of any size: in pieces, so that progress can be shown and the import cancelled and repeated.

import { deviceUrl } from "../live/device_url.js";
import { send } from "../live/http.js";
import { RequestError } from "../live/request_error.js";
import { CsvSlicer } from "./csv_slicer.js";
import { ImportReport } from "./import_report.js";

/** @import { PieceAnswer } from "./import_report.js" */

const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

/**
 * Sends a piece, again while the hub is unavailable or busy: a piece that is stored already does no harm.
 *
 * @param {string} url
 * @param {BodyInit} body
 * @param {AbortSignal} signal
 * @returns {Promise<PieceAnswer>}
 */
async function sendPiece(url, body, signal) {
  const sendOnce = () => send("POST", url, body, { type: "text/csv", signal });
  for (const ms of PAUSES_MS) {
    try {
      return await sendOnce();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RequestError) || !error.retry) throw error;
      await pause(ms, signal);
    }
  }
  return sendOnce();
}

/**
 * Imports `file` and calls `onReport` after each piece. Rejects with what ended it early.
 *
 * @param {Blob} file
 * @param {string} uid
 * @param {{signal: AbortSignal, onReport: (report: ImportReport) => void, report?: ImportReport}} options
 */
export async function importFile(file, uid, { signal, onReport, report = new ImportReport() }) {
  const slicer = new CsvSlicer();
  const reader = file.stream().getReader();
  const sendAll = async (/** @type {import("./csv_slicer.js").Piece[]} */ pieces) => {
    for (const piece of pieces) {
      report.add(await sendPiece(`${deviceUrl(uid)}/readings.csv`, piece.body, signal), piece);
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
