// Exports the readings of a device: saves the response while it arrives, and reports the progress.

import { deviceUrl } from "../live/device_url.js";
import { getJson, request } from "../live/http.js";
import { ExportProgress } from "./export_progress.js";

/** @import { Target } from "./download.js" */
/** @import { Extent } from "./export_progress.js" */

/** @typedef {{bytes: number, progress: ExportProgress}} Exported */

/**
 * @param {string} uid
 * @param {URLSearchParams} query
 */
export const exportUrl = (uid, query) => `${deviceUrl(uid)}/readings.csv${query.size ? `?${query}` : ""}`;

/**
 * Writes the export to `target`. Rejects with what ended it early.
 *
 * @param {Target} target
 * @param {string} uid
 * @param {URLSearchParams} query
 * @param {{signal: AbortSignal, onProgress: (exported: Exported) => void}} options
 * @returns {Promise<Exported>}
 */
export async function exportTo(target, uid, query, { signal, onProgress }) {
  /** @type {{items: Extent[]}} */
  const { items } = await getJson(`${deviceUrl(uid)}/readings/extent?${query}`, { signal });
  const progress = new ExportProgress(items);
  let bytes = 0;
  try {
    const response = await request(exportUrl(uid, query), { signal });
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      await target.write(read.value);
      bytes += read.value.length;
      progress.push(read.value);
      onProgress({ bytes, progress });
    }
    await target.close();
  } catch (error) {
    await target.abort(); // an incomplete file must not look complete
    throw error;
  }
  return { bytes, progress };
}
