// How often live data changes the page. No DOM in here.

/**
 * Calls the requested functions together in one frame, each once however often it was requested, and at most every
 * `pauseMs`. After a lull that is the next frame.
 */
export class Throttle {
  #pauseMs;
  #nextFrame;
  /** @type {Set<() => void>} */
  #due = new Set();
  #requested = false;
  #ranAt = -Infinity;

  /** @param {number} pauseMs @param {(run: () => void) => void} [nextFrame] */
  constructor(pauseMs, nextFrame = (run) => void requestAnimationFrame(run)) {
    this.#pauseMs = pauseMs;
    this.#nextFrame = nextFrame;
  }

  /** @param {() => void} draw */
  request(draw) {
    this.#due.add(draw);
    if (this.#requested) return;
    this.#requested = true;
    const wait = this.#ranAt + this.#pauseMs - performance.now();
    if (wait > 0) setTimeout(() => this.#nextFrame(() => this.#run()), wait);
    else this.#nextFrame(() => this.#run());
  }

  #run() {
    this.#requested = false;
    this.#ranAt = performance.now();
    const drawings = [...this.#due];
    this.#due.clear();
    for (const draw of drawings) draw();
  }
}

/** For numbers and other text: nobody reads faster than this, and each frame of a page has its price. */
export const textUpdates = new Throttle(100);
/** For lines: a pixel of a chart is a third of a second or more. */
export const lineUpdates = new Throttle(250);
