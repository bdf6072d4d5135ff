// The live connection: one WebSocket, or what stands in for it, that comes back by itself. No DOM in here.

import { adviceFor, backoff } from "./close_codes.js";

const REQUEST_TIMEOUT_MS = 15_000;
/** Without a frame for so long the other end is gone, although TCP has not noticed: the hub pings more often. */
const SILENCE_MS = 45_000;
/** A handshake that takes longer is held back somewhere on the way. */
const OPEN_MS = 10_000;
/** So many WebSockets in a row that never opened, to a hub that answers: none get through. */
const BLOCKED = 2;
/** A connection that lasts this long was a good one: the next loss starts again with short pauses. */
const PROVEN_MS = 10_000;
const RESUBSCRIBE_MS = 3_000;

/** A request that was refused, lost or not answered: `code` is the hub's, or `timeout` or `disconnected`. */
export class RequestError extends Error {
  constructor(code, message, retry) {
    super(message);
    this.code = code;
    this.retry = retry;
  }
}

/**
 * Events (`on(name, listener)` gives back a function that ends it): `state` with `{state, retryAt?, signIn?}`, where
 * state is `connecting`, `open`, `waiting` or `stopped`; and every push under its type.
 */
export class Connection {
  #url;
  #Socket;
  #Fallback;
  #reachable;
  #random;
  #blocked = 0;
  #socket = null;
  #state = "stopped";
  #attempt = 0;
  #openedAt = 0;
  #nextId = 1;
  #replies = new Map(); // id -> {taken, refused, timer}
  #wanted = new Map(); // stream -> {snapshot, refused}
  #listeners = new Map(); // event -> Set
  #retryTimer;
  #silenceTimer;

  /**
   * `Fallback`: a class like WebSocket, for networks that let none through; `reachable()` resolves with whether the hub
   * answers at all, which tells such a network from a hub that is down.
   */
  constructor(
    url,
    {
      WebSocket = globalThis.WebSocket,
      Fallback = WebSocket,
      reachable = async () => false,
      random = Math.random,
    } = {},
  ) {
    this.#url = url;
    this.#Socket = WebSocket;
    this.#Fallback = Fallback;
    this.#reachable = reachable;
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name).delete(listener);
  }

  start() {
    if (this.#state === "stopped") this.#connect();
  }

  stop() {
    this.#drop();
    this.#become("stopped");
  }

  /** Ends the pause before the next try, as when the network is back. */
  retryNow() {
    if (this.#state === "waiting") this.#connect();
  }

  /** Sends a request and resolves with its result; rejects with a `RequestError`. */
  request(type, fields = {}, { timeoutMs = REQUEST_TIMEOUT_MS } = {}) {
    return new Promise((resolve, reject) => this.#ask(type, fields, resolve, reject, timeoutMs));
  }

  /**
   * Keeps `stream` subscribed over every reconnect until the returned function is called.
   *
   * `snapshot(result)` is called at first, after each reconnect and after each `resync`. Whoever keeps a history asks for
   * it then, the first time too: what was asked for earlier lacks what was stored until the hub had the subscription.
   * `refused(error)` ends the subscription. `fields()` gives what else each of these requests asks for. One subscription
   * a stream.
   */
  subscribe(stream, { snapshot, refused = () => {}, fields = () => ({}) }) {
    const wish = { snapshot, refused, fields };
    this.#wanted.set(stream, wish);
    this.#askForStream(stream, wish);
    return () => {
      if (this.#wanted.get(stream) !== wish) return;
      this.#wanted.delete(stream);
      if (this.#state === "open") this.request("unsubscribe", { stream }).catch(() => {});
    };
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#become("connecting");
    const Socket = this.#blocked >= BLOCKED ? this.#Fallback : this.#Socket;
    const socket = new Socket(this.#url);
    this.#socket = socket;
    socket.onmessage = (event) => this.#socket === socket && this.#take(event.data);
    socket.onclose = (event) => this.#socket === socket && this.#lost(event.code);
    this.#listenForSilence(OPEN_MS);
  }

  #take(text) {
    this.#listenForSilence();
    const frame = JSON.parse(text);
    if ("reply" in frame) this.#settle(frame);
    else this.#push(frame);
  }

  #settle({ reply, ok, result, error }) {
    const waiting = this.#replies.get(reply);
    if (!waiting) return;
    this.#replies.delete(reply);
    clearTimeout(waiting.timer);
    if (ok) waiting.taken(result);
    else waiting.refused(new RequestError(error.code, error.message, error.retry));
  }

  #push(frame) {
    if (frame.type === "ping") this.#send({ type: "pong" });
    this.#emit(frame.type, frame);
    // After the listeners: one that sees somebody else welcomed stops the connection, and nothing is sent as them.
    if (frame.type === "welcome" && this.#state === "connecting") this.#welcome();
    // After the listeners: the frame counts as taken when it has been dealt with.
    if (frame.type === "telemetry") this.#send({ type: "ack", n: frame.n });
    if (frame.type === "unsubscribed") this.#ended(frame);
    if (frame.type === "resync") for (const stream of frame.streams) this.#renew(stream);
  }

  #welcome() {
    this.#openedAt = Date.now();
    if (this.#blocked < BLOCKED) this.#blocked = 0;
    this.#become("open");
    for (const stream of this.#wanted.keys()) this.#renew(stream);
  }

  #renew(stream) {
    const wish = this.#wanted.get(stream);
    if (wish) this.#askForStream(stream, wish);
  }

  #askForStream(stream, wish) {
    if (this.#state !== "open") return;
    const current = () => this.#wanted.get(stream) === wish;
    const taken = (result) => {
      if (current()) wish.snapshot(result);
    };
    const refused = (error) => {
      if (!current() || error.code === "disconnected") return; // asked for again after the reconnect
      if (error.retry) setTimeout(() => current() && this.#askForStream(stream, wish), RESUBSCRIBE_MS);
      else this.#ended({ stream, error });
    };
    // Not through a promise: a push that follows the reply must not overtake the snapshot.
    this.#ask("subscribe", { stream, ...wish.fields() }, taken, refused, REQUEST_TIMEOUT_MS);
  }

  #ended({ stream, error, reason }) {
    const wish = this.#wanted.get(stream);
    this.#wanted.delete(stream);
    wish?.refused(error ?? new RequestError("unsubscribed", reason ?? "", false));
  }

  #ask(type, fields, taken, refused, timeoutMs) {
    if (this.#state !== "open") {
      refused(new RequestError("disconnected", "There is no connection to the hub.", true));
      return;
    }
    const id = this.#nextId++;
    const timer = setTimeout(() => {
      this.#replies.delete(id);
      refused(new RequestError("timeout", "The hub didn’t answer.", true));
    }, timeoutMs);
    this.#replies.set(id, { taken, refused, timer });
    this.#send({ id, type, ...fields });
  }

  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #lost(code) {
    const advice = adviceFor(code);
    this.#drop();
    if (!advice.again) {
      this.#become("stopped", { signIn: advice.signIn ?? false });
      return;
    }
    if (!this.#openedAt) this.#notOpened();
    else if (Date.now() - this.#openedAt > PROVEN_MS) this.#attempt = 0;
    this.#openedAt = 0;
    const pause = Math.max(advice.leastMs, backoff(this.#attempt++, this.#random));
    this.#retryTimer = setTimeout(() => this.#connect(), pause);
    this.#become("waiting", { retryAt: Date.now() + pause });
  }

  async #notOpened() {
    if (this.#blocked >= BLOCKED)
      this.#blocked = 0; // nor does the fallback get through
    else if (await this.#reachable()) this.#blocked += 1;
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const open = [...this.#replies.values()];
    this.#replies.clear();
    for (const { refused, timer } of open) {
      clearTimeout(timer);
      refused(new RequestError("disconnected", "The connection to the hub was lost.", true));
    }
  }

  #listenForSilence(longest = SILENCE_MS) {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lost(1006), longest);
  }

  #become(state, more = {}) {
    this.#state = state;
    this.#emit("state", { state, ...more });
  }

  #emit(name, detail) {
    for (const listener of this.#listeners.get(name) ?? []) listener(detail);
  }
}
