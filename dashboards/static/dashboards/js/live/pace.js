// How often live data changes the page. No DOM in here.

/**
 * Calls the functions that were asked for together in one frame, each once however often it was asked for, and not
 * before `pauseMs` have passed since the last time. After a lull that is the next frame.
 */
export class Pace {
  #pauseMs;
  #nextFrame;
  #due = new Set();
  #asked = false;
  #ranAt = -Infinity;

  constructor(pauseMs, nextFrame = (run) => requestAnimationFrame(run)) {
    this.#pauseMs = pauseMs;
    this.#nextFrame = nextFrame;
  }

  ask(draw) {
    this.#due.add(draw);
    if (this.#asked) return;
    this.#asked = true;
    const wait = this.#ranAt + this.#pauseMs - performance.now();
    if (wait > 0) setTimeout(() => this.#nextFrame(() => this.#run()), wait);
    else this.#nextFrame(() => this.#run());
  }

  #run() {
    this.#asked = false;
    this.#ranAt = performance.now();
    const now = [...this.#due];
    this.#due.clear();
    for (const draw of now) draw();
  }
}

/** Figures: faster than this nobody reads them, and each frame of a page has its price. */
export const figures = new Pace(100);
/** Lines: a pixel of a chart is a third of a second or more. */
export const strokes = new Pace(250);
