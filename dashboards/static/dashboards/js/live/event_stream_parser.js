// Server-sent events, cut into the frames that they carry. Pure.

export class EventStreamParser {
  #rest = "";

  /**
   * The frames that `text`, the next piece of the stream, completes.
   *
   * @param {string} text
   */
  *parse(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length));
    }
  }
}
