// Files that a page saves on the reader's machine.

/**
 * Where the bytes of a file go; a `FileSystemWritableFileStream` is one.
 *
 * @typedef {object} Target
 * @property {(bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void} write
 * @property {() => Promise<void> | void} close
 * @property {() => Promise<void> | void} abort
 */

const MAX_IN_MEMORY = 512 * 1024 * 1024;
/** Bytes that are gathered before they go to the browser's blob store, which may put them on the disk. */
const GATHERED = 4 * 1024 * 1024;

/** Keeps the file in the browser until it is complete, then saves it as a download. */
class MemoryTarget {
  #name;
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #parts = [];
  #gathered = 0;
  /** @type {Blob[]} */
  #blobs = [];
  #size = 0;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  write(bytes) {
    this.#size += bytes.length;
    if (this.#size > MAX_IN_MEMORY) {
      throw new RangeError(
        "This browser keeps the file in memory, and it is larger than 512 MB. Use the download without progress.",
      );
    }
    this.#parts.push(bytes);
    this.#gathered += bytes.length;
    if (this.#gathered < GATHERED) return;
    this.#blobs.push(new Blob(this.#parts));
    this.#parts = [];
    this.#gathered = 0;
  }

  close() {
    save(new Blob([...this.#blobs, ...this.#parts], { type: "text/csv" }), this.#name);
  }

  abort() {
    this.#parts = [];
    this.#blobs = [];
  }
}

/**
 * Offers `blob` as a download.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * The target for a CSV file: directly on the disk if the browser can do that. `null` if the person cancelled.
 *
 * @param {string} name
 * @returns {Promise<Target | null>}
 */
export async function chooseTarget(name) {
  const picker = /** @type {any} */ (window).showSaveFilePicker;
  if (!picker) return new MemoryTarget(name);
  try {
    const types = [{ description: "CSV", accept: { "text/csv": [".csv"] } }];
    return await (await picker({ suggestedName: name, types })).createWritable();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    return new MemoryTarget(name);
  }
}
