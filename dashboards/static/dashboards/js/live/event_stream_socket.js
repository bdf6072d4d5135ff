// The substitute where no WebSocket gets through: frames arrive as server-sent events, requests go over HTTP.

import { csrfHeaders } from "./csrf.js";
import { EventStreamParser } from "./event_stream_parser.js";
import { toHttp } from "./http_requests.js";

/** @import { RequestFrame } from "./http_requests.js" */
/** @import { WireError } from "./protocol.d.ts" */
/** @typedef {(url: string, options?: RequestInit) => Promise<Response>} Fetch */

const REOPEN_MS = 30;
/** The close codes that stand for HTTP status codes. @type {Record<number, number>} */
const CLOSE_CODES = { 401: 4401, 403: 4401, 429: 4429 };

/**
 * A stream as a parameter of the address: `device=pump-1`, or `inbox=1`, which has no name of its own.
 *
 * @param {string} stream
 */
const parameterOf = (stream) => (stream.includes(":") ? stream.split(/:(.*)/s, 2) : [stream, "1"]);

/** To `HubConnection` it is a WebSocket. */
export class EventStreamSocket {
  readyState = 0;
  /** @type {(event: {data: string}) => void} */
  onmessage = () => {};
  /** @type {(event: {code: number}) => void} */
  onclose = () => {};
  /** @type {Fetch} */
  #fetch;
  /** @type {Set<string>} */
  #streams = new Set();
  /** @type {Map<string, number[]>} stream -> ids of the requests that await its snapshot */
  #awaiting = new Map();
  /** @type {Map<string, any>} stream -> a snapshot that arrived without a request */
  #snapshots = new Map();
  /** @type {AbortController | undefined} */
  #abort;
  /** @type {any} */
  #timer;

  /** @param {string} _url  of the WebSocket, as its interface demands @param {{fetch?: Fetch}} [options] */
  constructor(_url, { fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.#fetch = fetch;
    this.#open();
  }

  /** @param {string} text */
  send(text) {
    const frame = JSON.parse(text);
    if (frame.type === "subscribe") this.#subscribe(frame);
    else if (frame.type === "unsubscribe") this.#unsubscribe(frame);
    else if (toHttp(frame)) this.#request(frame);
    else if (frame.type === "typing")
      this.#reply(frame.id, {}); // not worth a request
    else if ("id" in frame)
      this.#refuse(frame.id, { code: "unavailable", message: "This needs a WebSocket.", retry: false });
  }

  close() {
    this.readyState = 3;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  /** @param {{id: number, stream: string}} frame */
  #subscribe({ id, stream }) {
    this.#streams.add(stream);
    if (this.#snapshots.has(stream)) {
      const snapshot = this.#snapshots.get(stream);
      this.#snapshots.delete(stream);
      this.#reply(id, snapshot);
      return;
    }
    this.#awaiting.set(stream, [...(this.#awaiting.get(stream) ?? []), id]);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), REOPEN_MS); // a page subscribes to many streams at once
  }

  /** @param {{id: number, stream: string}} frame */
  #unsubscribe({ id, stream }) {
    this.#streams.delete(stream);
    this.#awaiting.delete(stream);
    this.#snapshots.delete(stream);
    this.#reply(id, {});
  }

  /** @param {RequestFrame} frame */
  async #request(frame) {
    const { url, method, body } = /** @type {NonNullable<ReturnType<typeof toHttp>>} */ (toHttp(frame));
    try {
      const headers = { "Content-Type": "application/json", ...csrfHeaders() };
      const response = await this.#fetch(url, { method, headers, ...(body !== undefined && { body }) });
      const content = response.status === 204 ? {} : await response.json();
      if (response.ok) this.#reply(frame.id, content);
      else this.#refuse(frame.id, content.error);
    } catch {
      this.#refuse(frame.id, { code: "unavailable", message: "The hub can’t be reached.", retry: true });
    }
  }

  /** The address names the streams, so another set of them needs another request. */
  async #open() {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const query = new URLSearchParams([...this.#streams].map(parameterOf));
    try {
      const response = await this.#fetch(`/api/v1/stream?${query}`, { signal: abort.signal });
      if (response.ok && response.body) await this.#read(response.body.pipeThrough(new TextDecoderStream()));
      else await this.#handleRefusal(response);
    } catch {
      if (!abort.signal.aborted) this.#lose(1006);
      return;
    }
    if (!abort.signal.aborted) this.#lose(1012);
  }

  /** @param {ReadableStream<string>} pieces */
  async #read(pieces) {
    const parser = new EventStreamParser();
    const reader = pieces.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const frame of parser.parse(piece.value)) this.#receive(frame);
    }
  }

  /** @param {Response} response */
  async #handleRefusal(response) {
    const { error } = await response.json();
    if (response.status !== 404 || this.#streams.size !== 1) {
      this.#lose(CLOSE_CODES[response.status] ?? 1012);
      return;
    }
    const [stream] = this.#streams;
    this.#forget(stream, error);
    this.#open();
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.type === "welcome") this.#handleWelcome(frame);
    else if (frame.type === "snapshot") this.#handleSnapshot(frame);
    else if (frame.type === "unsubscribed" && this.#awaiting.has(frame.stream)) {
      this.#forget(frame.stream, { code: frame.reason, message: "There is no such stream.", retry: false });
    } else if (frame.type === "error") this.#lose(frame.error.code === "unauthenticated" ? 4401 : 1012);
    else this.#deliver(frame);
  }

  /** @param {object} frame */
  #handleWelcome(frame) {
    if (this.readyState !== 0) return; // it belongs to a later request, for other streams
    this.readyState = 1;
    this.#deliver(frame);
  }

  /** @param {{stream: string, snapshot: any}} frame */
  #handleSnapshot({ stream, snapshot }) {
    if (!this.#streams.has(stream)) return; // unsubscribed while the request was on its way
    const ids = this.#awaiting.get(stream);
    this.#awaiting.delete(stream);
    if (ids) {
      for (const id of ids) this.#reply(id, snapshot);
      return;
    }
    // The stream was open before: something may have been missed in between.
    this.#snapshots.set(stream, snapshot);
    this.#deliver({ type: "resync", streams: [stream], reason: "reconnect" });
  }

  /** @param {string} stream @param {WireError} error */
  #forget(stream, error) {
    const ids = this.#awaiting.get(stream) ?? [];
    this.#awaiting.delete(stream);
    this.#streams.delete(stream);
    for (const id of ids) this.#refuse(id, error);
  }

  /** @param {number} id @param {any} result */
  #reply(id, result) {
    this.#deliver({ reply: id, ok: true, result });
  }

  /** @param {number} id @param {WireError} error */
  #refuse(id, error) {
    this.#deliver({ reply: id, ok: false, error });
  }

  /** @param {object} frame */
  #deliver(frame) {
    if (this.readyState === 1) this.onmessage({ data: JSON.stringify(frame) });
  }

  /** @param {number} code */
  #lose(code) {
    if (this.readyState === 3) return;
    this.close();
    this.onclose({ code });
  }
}
