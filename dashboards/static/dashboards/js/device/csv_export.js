// Exports a device's readings: reads the response as it comes, shows how far it is, and saves it.

const QUOTE = 0x22;
const NEWLINE = 0x0a;

/** Follows a file as it arrives: counts its readings, and tells how far in metric and time it is. Pure. */
export class Position {
  readings = -1; // the first line is none
  metric = "";
  share = 0;
  #quoted = false;
  #rest = ""; // the beginning of a record whose end has not come yet
  #decoder = new TextDecoder();
  #extents;

  /** `extents`: `[{ metric, first, last }]` in the order of the file, times in milliseconds. */
  constructor(extents) {
    this.#extents = extents;
    this.indexOf = new Map(extents.map(({ metric }, index) => [metric, index]));
  }

  push(bytes) {
    let [before, last] = [0, 0]; // where the last whole record begins and ends
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === QUOTE) this.#quoted = !this.#quoted;
      else if (bytes[at] === NEWLINE && !this.#quoted) {
        [before, last] = [last, at + 1];
        this.readings++;
      }
    }
    if (last) {
      const head = before ? "" : this.#rest + this.#decoder.decode(bytes.subarray(0, before), { stream: true });
      this.#locate(head + new TextDecoder().decode(bytes.subarray(before, last)));
      this.#rest = "";
      this.#decoder = new TextDecoder();
    }
    this.#rest += this.#decoder.decode(bytes.subarray(last), { stream: true });
  }

  #locate(record) {
    const [, time, quoted, plain] = /^([^,]*),(?:"((?:[^"]|"")*)"|([^,]*)),/.exec(record) ?? [];
    const name = (quoted?.replaceAll('""', '"') ?? plain ?? "").replace(/^'/, "");
    const index = this.indexOf.get(name);
    if (index === undefined) return;
    const { first, last } = this.#extents[index];
    const done = last > first ? (Date.parse(time) - first) / (last - first) : 1;
    this.metric = name;
    this.share = (index + Math.min(1, Math.max(0, done))) / this.#extents.length;
  }
}

export const MAX_IN_MEMORY = 512 * 1024 * 1024;
/** Gathered before it goes to the browser's blob store, which may put it on the disk. */
const GATHER = 4 * 1024 * 1024;

/** Keeps the file in the browser until it is whole, then saves it as a download. */
class Download {
  #parts = [];
  #gathered = 0;
  #blobs = [];
  #size = 0;

  constructor(name) {
    this.name = name;
  }

  write(bytes) {
    this.#size += bytes.length;
    if (this.#size > MAX_IN_MEMORY)
      throw new RangeError(
        "This browser keeps the file in memory, and it is larger than 512 MB. Use the download without progress.",
      );
    this.#parts.push(bytes);
    this.#gathered += bytes.length;
    if (this.#gathered < GATHER) return;
    this.#blobs.push(new Blob(this.#parts));
    [this.#parts, this.#gathered] = [[], 0];
  }

  close() {
    save(new Blob([...this.#blobs, ...this.#parts], { type: "text/csv" }), this.name);
  }

  abort() {
    this.#parts = this.#blobs = [];
  }
}

/** Offers `blob` as a download. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Where the file goes: straight to the disk where the browser can. `null` where the person thought better of it. */
export async function chooseTarget(name) {
  if (!window.showSaveFilePicker) return new Download(name);
  try {
    const types = [{ description: "CSV", accept: { "text/csv": [".csv"] } }];
    const handle = await window.showSaveFilePicker({ suggestedName: name, types });
    return await handle.createWritable();
  } catch (error) {
    if (error.name === "AbortError") return null;
    return new Download(name);
  }
}

async function answerOf(response) {
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: { message: `the hub answered ${response.status}` } }));
  throw new Error(error.message);
}

/** From when to when there are readings of each metric: `[{ metric, first, last }]`. */
export async function fetchExtents(uid, query, signal) {
  const response = await fetch(`/api/v1/devices/${encodeURIComponent(uid)}/readings/extent?${query}`, { signal });
  return (await (await answerOf(response)).json()).items;
}

export const exportUrl = (uid, query) =>
  `/api/v1/devices/${encodeURIComponent(uid)}/readings.csv${query.size ? `?${query}` : ""}`;

/** Writes the export to `target` and calls `onProgress({ bytes, position })`. Raises what ends it early. */
export async function exportTo(target, uid, query, { signal, onProgress }) {
  const position = new Position(await fetchExtents(uid, query, signal));
  let bytes = 0;
  try {
    const response = await answerOf(await fetch(exportUrl(uid, query), { signal }));
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      await target.write(read.value);
      bytes += read.value.length;
      position.push(read.value);
      onProgress({ bytes, position });
    }
    await target.close();
  } catch (error) {
    await target.abort(); // no file that looks whole and is not
    throw error;
  }
  return { bytes, position };
}
