// A room on a page: its log, who is there, and the box to write in.

export class RoomView {
  /**
   * `element`: the `[data-room]` of parts/room.html; the page also holds parts/room_templates.html,
   * parts/chart_templates.html, and the style sheets room.css, charts.css and uPlot's.
   *
   * - `room`: `{id, device, space}`, as the HTTP API describes it: `device` is a uid or null, `space` a slug or null;
   *   further fields do no harm.
   * - `person`: `{username, manages}`; `manages`: they may remove other people's messages and read what these said.
   * - `connection`, `feed`: those of live.js.
   * - `openAt`: seq of the message to open at and to light up; null opens at the newest.
   * - `closed`: why nobody can write here, as a sentence; "" where they can. `close(reason)` changes it later.
   * - `changed({unread, read})`: called when what the person has read moves; optional.
   *
   * A view keeps itself up to date over every reconnect until `end()` is called, as where a page shows another room in
   * the same element.
   */
  constructor(element, { room, person, connection, feed, openAt = null, closed = "", changed = () => {} }) {
    Object.assign(this, { element, room, person, connection, feed, openAt, changed });
    this.close(closed);
  }

  /** Ends writing with a reason, or opens it again with "". */
  close(reason) {
    this.element.querySelector("[data-text]").disabled = Boolean(reason);
  }

  /** Puts the cursor into the box to write in. */
  focus() {
    this.element.querySelector("[data-text]").focus();
  }

  /** Shows the message `seq` and lights it up. */
  show(seq) {
    this.openAt = seq;
  }

  end() {}
}
