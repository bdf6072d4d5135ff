// The live connection where WebSockets don't get through: events come in, requests go over HTTP. To `Connection` it is a
// WebSocket.

const REOPEN_MS = 30;
/** Close codes that stand for what HTTP answers. */
const CODES = { 401: 4401, 403: 4401, 429: 4429 };

const room = ({ room }) => `rooms/${room}`;
/** Requests that HTTP answers as well: method, address below `/api/v1/`, and the fields that go into the body. */
const OVER_HTTP = {
  command: ["POST", ({ device }) => `devices/${encodeURIComponent(device)}/commands`, ["name", "args", "timeout_s"]],
  message: ["POST", (frame) => `${room(frame)}/messages`, ["text", "key"]],
  direct: ["POST", ({ to }) => `people/${encodeURIComponent(to)}/messages`, ["text", "key"]],
  edit: ["PATCH", (frame) => `${room(frame)}/messages/${frame.seq}`, ["text"]],
  remove: ["DELETE", (frame) => `${room(frame)}/messages/${frame.seq}`, []],
  read: ["PUT", (frame) => `${room(frame)}/read`, ["seq"]],
};

const cookie = (name) =>
  globalThis.document?.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** A stream as a parameter of the address: `device=pump-1`; `inbox=1`, which has no name of its own. */
const parameter = (stream) => (stream.includes(":") ? stream.split(/:(.*)/s, 2) : [stream, "1"]);

/** Cuts a text that comes in pieces into the frames of an event stream. */
export class Events {
  #rest = "";

  /** The frames that are complete with `text`. */
  *take(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length));
    }
  }
}

export class EventStreamSocket {
  readyState = 0;
  onmessage = () => {};
  onclose = () => {};
  #fetch;
  #wanted = new Set();
  #asked = new Map(); // stream -> ids of the requests that wait for its snapshot
  #snapshots = new Map(); // stream -> one that came without being asked for
  #abort;
  #timer;

  constructor(url, { fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.#fetch = fetch;
    this.#open();
  }

  send(text) {
    const frame = JSON.parse(text);
    if (frame.type === "subscribe") this.#subscribe(frame);
    else if (frame.type === "unsubscribe") this.#unsubscribe(frame);
    else if (frame.type in OVER_HTTP) this.#request(frame);
    else if (frame.type === "typing")
      this.#emit({ reply: frame.id, ok: true, result: {} }); // nobody misses it
    else if ("id" in frame)
      this.#refuse(frame.id, { code: "unavailable", message: "This needs a WebSocket.", retry: false });
  }

  close() {
    this.readyState = 3;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  #subscribe({ id, stream }) {
    this.#wanted.add(stream);
    if (this.#snapshots.has(stream)) {
      const result = this.#snapshots.get(stream);
      this.#snapshots.delete(stream);
      this.#emit({ reply: id, ok: true, result });
      return;
    }
    this.#asked.set(stream, [...(this.#asked.get(stream) ?? []), id]);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), REOPEN_MS); // a page subscribes to many at once
  }

  #unsubscribe({ id, stream }) {
    this.#wanted.delete(stream);
    this.#asked.delete(stream);
    this.#snapshots.delete(stream);
    this.#emit({ reply: id, ok: true, result: {} });
  }

  async #request(frame) {
    const [method, address, fields] = OVER_HTTP[frame.type];
    const body = JSON.stringify(
      Object.fromEntries(fields.filter((name) => name in frame).map((name) => [name, frame[name]])),
    );
    try {
      const answer = await this.#fetch(`/api/v1/${address(frame)}`, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") ?? "" },
        ...(fields.length && { body }),
      });
      const content = answer.status === 204 ? {} : await answer.json();
      if (answer.ok) this.#emit({ reply: frame.id, ok: true, result: content });
      else this.#refuse(frame.id, content.error);
    } catch {
      this.#refuse(frame.id, { code: "unavailable", message: "The hub can’t be reached.", retry: true });
    }
  }

  /** Streams stand in the address, so another set of them is another request. */
  async #open() {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    const query = new URLSearchParams([...this.#wanted].map(parameter));
    try {
      const answer = await this.#fetch(`/api/v1/stream?${query}`, { signal: abort.signal });
      if (answer.ok) await this.#read(answer.body.pipeThrough(new TextDecoderStream()));
      else await this.#turnedAway(answer);
    } catch {
      if (!abort.signal.aborted) this.#lose(1006);
      return;
    }
    if (!abort.signal.aborted) this.#lose(1012);
  }

  async #read(pieces) {
    const events = new Events();
    const reader = pieces.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const frame of events.take(piece.value)) this.#take(frame);
    }
  }

  async #turnedAway(answer) {
    const { error } = await answer.json();
    if (answer.status !== 404 || this.#wanted.size !== 1) {
      this.#lose(CODES[answer.status] ?? 1012);
      return;
    }
    const [stream] = this.#wanted;
    this.#forget(stream, error);
    this.#open();
  }

  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "snapshot") this.#snapshot(frame);
    else if (frame.type === "unsubscribed" && this.#asked.has(frame.stream)) {
      this.#forget(frame.stream, { code: frame.reason, message: "There is no such stream.", retry: false });
    } else if (frame.type === "error") this.#lose(frame.error.code === "unauthenticated" ? 4401 : 1012);
    else this.#emit(frame);
  }

  #welcome(frame) {
    if (this.readyState !== 0) return; // that of another request for other streams
    this.readyState = 1;
    this.#emit(frame);
  }

  #snapshot({ stream, snapshot }) {
    if (!this.#wanted.has(stream)) return; // given up while the request was on its way
    const ids = this.#asked.get(stream);
    this.#asked.delete(stream);
    if (ids) {
      for (const id of ids) this.#emit({ reply: id, ok: true, result: snapshot });
      return;
    }
    // It was open before: something may have been missed in between.
    this.#snapshots.set(stream, snapshot);
    this.#emit({ type: "resync", streams: [stream], reason: "reconnect" });
  }

  #forget(stream, error) {
    const ids = this.#asked.get(stream) ?? [];
    this.#asked.delete(stream);
    this.#wanted.delete(stream);
    for (const id of ids) this.#refuse(id, error);
  }

  #refuse(id, error) {
    this.#emit({ reply: id, ok: false, error });
  }

  #emit(frame) {
    if (this.readyState === 1) this.onmessage({ data: JSON.stringify(frame) });
  }

  #lose(code) {
    if (this.readyState === 3) return;
    this.close();
    this.onclose({ code });
  }
}
