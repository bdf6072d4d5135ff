// Which pictures of a page are loaded. A small file may hold a picture that takes hundreds of megabytes once decoded, and
// a log may show many of them.

/** Pixels of the largest picture that is shown in the log; each takes four bytes. A larger one is a link. */
export const MAX_PIXELS = 25_000_000;
/** Pixels of all pictures that are loaded at a time. */
export const MAX_LOADED = 64_000_000;

/** @typedef {{pixels: number, load: () => void, unload: () => void}} Picture */

/** Keeps what is on the screen, and what was there last, as far as the pixels reach. */
export class PictureMemory {
  #most;
  /** The pictures that were on the screen; the one that was seen last comes last. @type {Set<Picture>} */
  #seen = new Set();
  /** @type {Set<Picture>} */
  #visible = new Set();
  /** @type {Set<Picture>} */
  #loaded = new Set();

  /** @param {number} [most] pixels of all together */
  constructor(most = MAX_LOADED) {
    this.#most = most;
  }

  /** Notes that the picture comes near the screen, or leaves it. @param {Picture} picture @param {boolean} isVisible */
  see(picture, isVisible) {
    if (isVisible) this.#visible.add(picture);
    else this.#visible.delete(picture);
    if (isVisible || this.#seen.has(picture)) {
      this.#seen.delete(picture);
      this.#seen.add(picture);
    }
    this.#update();
  }

  /** The picture is no longer part of the page. @param {Picture} picture */
  forget(picture) {
    this.#seen.delete(picture);
    this.#visible.delete(picture);
    if (this.#loaded.delete(picture)) picture.unload();
    this.#update();
  }

  #update() {
    const latest = [...this.#seen].reverse();
    const isVisible = (/** @type {Picture} */ picture) => this.#visible.has(picture);
    let left = this.#most;
    /** @type {Picture[]} */
    const fitting = [];
    for (const picture of [...latest.filter(isVisible), ...latest.filter((one) => !isVisible(one))]) {
      if (picture.pixels > left) continue;
      left -= picture.pixels;
      fitting.push(picture);
    }
    for (const picture of [...this.#loaded])
      if (!fitting.includes(picture)) {
        this.#loaded.delete(picture);
        picture.unload();
      }
    for (const picture of fitting)
      if (!this.#loaded.has(picture) && isVisible(picture)) {
        this.#loaded.add(picture);
        picture.load();
      }
  }
}
