// The live connection to the hub: one WebSocket, or its substitute, that reconnects by itself. No DOM in here.

import { adviceFor, backoff } from "./close_codes.js";
import { Emitter } from "./emitter.js";
import { disconnected, RequestError } from "./request_error.js";

/** @import { ConnectionEvents, ConnectionState, WireError } from "./protocol.d.ts" */

/**
 * A WebSocket, or a class with the same interface.
 *
 * @typedef {{
 *   readyState: number,
 *   onmessage: ((event: MessageEvent) => void) | ((event: {data: string}) => void) | null,
 *   onclose: ((event: CloseEvent) => void) | ((event: {code: number}) => void) | null,
 *   send(text: string): void,
 *   close(): void,
 * }} Socket
 * @typedef {new (url: string) => Socket} SocketClass
 */
/**
 * @typedef {object} Subscription
 * @property {(result: any) => void} snapshot  called at first, after each reconnect and after each `resync`
 * @property {(error: RequestError) => void} refused  called when the subscription has ended for good
 * @property {() => object} fields  further fields of each request to subscribe
 */
/** @typedef {{resolve: (result: any) => void, reject: (error: RequestError) => void, timer: any}} PendingRequest */

const REQUEST_TIMEOUT_MS = 15_000;
/** After this long without a frame the other end is gone, although TCP has not noticed: the hub pings more often. */
const SILENCE_MS = 45_000;
/** A handshake that takes longer is being held back somewhere on the way. */
const OPEN_MS = 10_000;
/** If this many WebSockets in a row never open, although the hub answers HTTP, the network lets none through. */
const BLOCKED = 2;
/** A connection that lasted this long was a good one: after the next loss the pauses are short again. */
const PROVEN_MS = 10_000;
const RESUBSCRIBE_MS = 3_000;

/** @extends {Emitter<ConnectionEvents>} */
export class HubConnection extends Emitter {
  #url;
  #WebSocket;
  #Fallback;
  #reachable;
  #random;
  #blocked = 0;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {ConnectionState} */
  #state = "stopped";
  #attempt = 0;
  #openedAt = 0;
  /** When the hub, which did not like what this page sent, admits it again at the earliest. */
  #notBefore = 0;
  #nextId = 1;
  /** @type {Map<number, PendingRequest>} */
  #pending = new Map();
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** @type {any} */
  #retryTimer;
  /** @type {any} */
  #silenceTimer;

  /**
   * `Fallback` is used in networks that let no WebSocket through. `reachable()` resolves with whether the hub answers
   * at all, which distinguishes such a network from a hub that is down.
   *
   * @param {string} url
   * @param {{WebSocket?: SocketClass, Fallback?: SocketClass, reachable?: () => Promise<boolean>, random?: () => number}} [options]
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
    super();
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#Fallback = Fallback;
    this.#reachable = reachable;
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  start() {
    if (this.#state === "stopped") this.#connect();
  }

  stop() {
    this.#drop();
    this.#changeState("stopped");
  }

  /** Ends the pause before the next try, because the network is back or the page is looked at. */
  wake() {
    if (Date.now() >= this.#notBefore) this.retryNow();
  }

  /** The same on a person's demand: even where the hub has asked for patience. */
  retryNow() {
    if (this.#state === "waiting") this.#connect();
  }

  /**
   * Sends a request and resolves with its result; rejects with a `RequestError`.
   *
   * @param {string} type
   * @param {object} [fields]
   * @param {{timeoutMs?: number}} [options]
   * @returns {Promise<any>}
   */
  request(type, fields = {}, { timeoutMs = REQUEST_TIMEOUT_MS } = {}) {
    return new Promise((resolve, reject) => this.#sendRequest(type, fields, resolve, reject, timeoutMs));
  }

  /**
   * Keeps `stream` subscribed over every reconnect until the returned function is called. A stream has one
   * subscription.
   *
   * A listener that shows a history asks for it in `snapshot`, the first time too: an earlier answer lacks what was
   * stored until the hub had the subscription.
   *
   * @param {string} stream
   * @param {Pick<Subscription, "snapshot"> & Partial<Subscription>} listener
   */
  subscribe(stream, { snapshot, refused = () => {}, fields = () => ({}) }) {
    const subscription = { snapshot, refused, fields };
    this.#subscriptions.set(stream, subscription);
    this.#sendSubscribe(stream, subscription);
    return () => {
      if (this.#subscriptions.get(stream) !== subscription) return;
      this.#subscriptions.delete(stream);
      if (this.#state === "open") this.request("unsubscribe", { stream }).catch(() => {});
    };
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#changeState("connecting");
    const Socket = this.#blocked >= BLOCKED ? this.#Fallback : this.#WebSocket;
    const socket = new Socket(this.#url);
    this.#socket = socket;
    socket.onmessage = (/** @type {{data: string}} */ event) => this.#socket === socket && this.#receive(event.data);
    socket.onclose = (/** @type {{code: number}} */ event) => this.#socket === socket && this.#handleLoss(event.code);
    this.#watchForSilence(OPEN_MS);
  }

  /** @param {string} text */
  #receive(text) {
    this.#watchForSilence();
    const frame = JSON.parse(text);
    if ("reply" in frame) this.#handleReply(frame);
    else this.#handlePush(frame);
  }

  /** @param {{reply: number, ok: boolean, result: any, error: WireError}} frame */
  #handleReply({ reply, ok, result, error }) {
    const pending = this.#pending.get(reply);
    if (!pending) return;
    this.#pending.delete(reply);
    clearTimeout(pending.timer);
    if (ok) pending.resolve(result);
    else pending.reject(new RequestError(error.code, error.message, error.retry));
  }

  /** @param {any} frame */
  #handlePush(frame) {
    if (frame.type === "ping") this.#send({ type: "pong" });
    this.emit(frame.type, frame);
    // After the listeners: one that sees another person welcomed stops the connection, so that nothing is sent as them.
    if (frame.type === "welcome" && this.#state === "connecting") this.#handleWelcome();
    // After the listeners: a frame counts as received when it has been dealt with.
    if (frame.type === "telemetry") this.#send({ type: "ack", n: frame.n });
    if (frame.type === "unsubscribed") this.#endSubscription(frame);
    if (frame.type === "resync") for (const stream of frame.streams) this.#resubscribe(stream);
  }

  #handleWelcome() {
    this.#openedAt = Date.now();
    if (this.#blocked < BLOCKED) this.#blocked = 0;
    this.#changeState("open");
    for (const stream of this.#subscriptions.keys()) this.#resubscribe(stream);
  }

  /** @param {string} stream */
  #resubscribe(stream) {
    const subscription = this.#subscriptions.get(stream);
    if (subscription) this.#sendSubscribe(stream, subscription);
  }

  /** @param {string} stream @param {Subscription} subscription */
  #sendSubscribe(stream, subscription) {
    if (this.#state !== "open") return;
    const isCurrent = () => this.#subscriptions.get(stream) === subscription;
    const resolve = (/** @type {any} */ result) => {
      if (isCurrent()) subscription.snapshot(result);
    };
    const reject = (/** @type {RequestError} */ error) => {
      if (!isCurrent() || error.code === "disconnected") return; // sent again after the reconnect
      if (error.retry) setTimeout(() => isCurrent() && this.#sendSubscribe(stream, subscription), RESUBSCRIBE_MS);
      else this.#endSubscription({ stream, error });
    };
    // Not through a promise: a push that follows the reply must not overtake the snapshot.
    this.#sendRequest("subscribe", { stream, ...subscription.fields() }, resolve, reject, REQUEST_TIMEOUT_MS);
  }

  /** @param {{stream: string, error?: RequestError, reason?: string}} ended */
  #endSubscription({ stream, error, reason }) {
    const subscription = this.#subscriptions.get(stream);
    this.#subscriptions.delete(stream);
    subscription?.refused(error ?? new RequestError("unsubscribed", reason ?? "", false));
  }

  /**
   * @param {string} type
   * @param {object} fields
   * @param {PendingRequest["resolve"]} resolve
   * @param {PendingRequest["reject"]} reject
   * @param {number} timeoutMs
   */
  #sendRequest(type, fields, resolve, reject, timeoutMs) {
    if (this.#state !== "open") {
      reject(disconnected());
      return;
    }
    const id = this.#nextId++;
    const timer = setTimeout(() => {
      this.#pending.delete(id);
      reject(new RequestError("timeout", "The hub didn’t answer.", true));
    }, timeoutMs);
    this.#pending.set(id, { resolve, reject, timer });
    this.#send({ id, type, ...fields });
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** @param {number} code */
  #handleLoss(code) {
    const advice = adviceFor(code);
    this.#drop();
    if (!advice.again) {
      this.#changeState("stopped", { signIn: advice.signIn ?? false });
      return;
    }
    if (!this.#openedAt) this.#countBlocked();
    else if (Date.now() - this.#openedAt > PROVEN_MS) this.#attempt = 0;
    this.#openedAt = 0;
    this.#notBefore = Date.now() + advice.leastMs;
    const pause = Math.max(advice.leastMs, backoff(this.#attempt++, this.#random));
    this.#retryTimer = setTimeout(() => this.#connect(), pause);
    this.#changeState("waiting", { retryAt: Date.now() + pause });
  }

  async #countBlocked() {
    if (this.#blocked >= BLOCKED)
      this.#blocked = 0; // the fallback does not get through either
    else if (await this.#reachable()) this.#blocked += 1;
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, timer } of pending) {
      clearTimeout(timer);
      reject(new RequestError("disconnected", "The connection to the hub was lost.", true));
    }
  }

  #watchForSilence(longestMs = SILENCE_MS) {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#handleLoss(1006), longestMs);
  }

  /** @param {ConnectionState} state @param {{retryAt?: number, signIn?: boolean}} [more] */
  #changeState(state, more = {}) {
    this.#state = state;
    this.emit("state", { state, ...more });
  }
}
