// Hands the pushes of the connection to the parts of a page that watch the device. No DOM in here.

import { record } from "./record.js";

/** @import { HubConnection } from "./hub_connection.js" */
/** @import { AvailabilityPush, CommandPush, DeviceSnapshot, PointsByMetric } from "./protocol.d.ts" */
/** @import { RequestError } from "./request_error.js" */

/**
 * @typedef {object} DeviceListener
 * @property {(uid: string, snapshot: DeviceSnapshot) => void} [snapshot]
 * @property {(uid: string, points: PointsByMetric) => void} [telemetry]
 * @property {(uid: string) => void} [missed]  the hub left readings out because this page was too slow: a listener that
 *   shows a history asks for it again
 * @property {(uid: string, push: AvailabilityPush) => void} [availability]
 * @property {(uid: string, push: CommandPush) => void} [command]
 * @property {(error: RequestError) => void} [refused]
 */
/** @typedef {DeviceListener & {revision?: (text: string) => void}} DashboardListener */
/**
 * A device that is watched by itself.
 *
 * @typedef {object} SharedDevice
 * @property {Set<DeviceListener>} listeners
 * @property {WeakSet<DeviceListener>} informed  listeners that have had a snapshot
 * @property {DeviceSnapshot | null} known
 * @property {() => void} end
 */

/** When no readings were left out for this long, the page keeps up with the hub. */
const KEEPS_UP_MS = 2_000;

export class DeviceFeed {
  #connection;
  /** @type {Map<string, Set<DeviceListener>>} by uid */
  #listeners = new Map();
  /** @type {Map<string, SharedDevice>} by uid */
  #shared = new Map();
  /** @type {Set<string>} uids whose listeners learn that they missed readings once the page keeps up again */
  #missed = new Set();
  /** @type {any} */
  #keepsUpTimer;

  /** @param {Pick<HubConnection, "on" | "subscribe">} connection */
  constructor(connection) {
    this.#connection = connection;
    connection.on("telemetry", ({ devices, dropped }) => {
      for (const [uid, points] of Object.entries(devices)) {
        this.#remember(uid, points);
        this.#notify(uid, (listener) => listener.telemetry?.(uid, points));
      }
      if (dropped) this.#notifyMissedLater(Object.keys(devices));
    });
    connection.on("availability", (push) => {
      const known = this.#shared.get(push.device)?.known;
      if (known) Object.assign(known, { availability: push.status, availability_at: push.at, via: push.via });
      this.#notify(push.device, (listener) => listener.availability?.(push.device, push));
    });
    connection.on("command", (push) => this.#notify(push.device, (listener) => listener.command?.(push.device, push)));
  }

  /**
   * Watches one device; the returned function ends it. Several parts of a page may watch the same device: its stream is
   * subscribed to once, and a later listener receives what the earlier ones have received so far.
   *
   * @param {string} uid
   * @param {DeviceListener} listener
   */
  watchDevice(uid, listener) {
    const shared = this.#shared.get(uid) ?? this.#share(uid);
    shared.listeners.add(listener);
    this.#add(uid, listener);
    queueMicrotask(() => this.#inform(uid, shared, listener));
    return () => {
      this.#remove(uid, listener);
      shared.listeners.delete(listener);
      if (shared.listeners.size || this.#shared.get(uid) !== shared) return;
      this.#shared.delete(uid);
      shared.end();
    };
  }

  /**
   * Watches the devices of a dashboard; the returned function ends it. `revision` is called before all else.
   *
   * @param {number} id
   * @param {string[]} uids
   * @param {DashboardListener} listener
   */
  watchDashboard(id, uids, listener) {
    for (const uid of uids) this.#add(uid, listener);
    const end = this.#connection.subscribe(`dashboard:${id}`, {
      snapshot: ({ revision, devices = {} }) => {
        listener.revision?.(revision);
        for (const [uid, snapshot] of Object.entries(devices)) listener.snapshot?.(uid, snapshot);
      },
      refused: (error) => listener.refused?.(error),
    });
    return () => {
      for (const uid of uids) this.#remove(uid, listener);
      end();
    };
  }

  /** @param {string} uid */
  #share(uid) {
    /** @type {SharedDevice} */
    const shared = { listeners: new Set(), informed: new WeakSet(), known: null, end: () => {} };
    this.#shared.set(uid, shared);
    shared.end = this.#connection.subscribe(`device:${uid}`, {
      snapshot: (snapshot) => {
        shared.known = { ...snapshot, latest: record(snapshot.latest) };
        for (const listener of [...shared.listeners]) {
          shared.informed.add(listener);
          listener.snapshot?.(uid, snapshot);
        }
      },
      refused: (error) => {
        this.#shared.delete(uid);
        for (const listener of [...shared.listeners]) listener.refused?.(error);
      },
    });
    return shared;
  }

  /** @param {string} uid @param {SharedDevice} shared @param {DeviceListener} listener */
  #inform(uid, { listeners, informed, known }, listener) {
    if (!known || informed.has(listener) || !listeners.has(listener)) return;
    informed.add(listener);
    listener.snapshot?.(uid, { ...known, latest: record(known.latest) });
  }

  /** @param {string} uid @param {PointsByMetric} points */
  #remember(uid, points) {
    const known = this.#shared.get(uid)?.known;
    if (!known) return;
    for (const [metric, added] of Object.entries(points)) {
      const newest = /** @type {import("./protocol.d.ts").Point} */ (added.at(-1));
      if (!known.latest[metric] || newest[0] >= known.latest[metric][0]) known.latest[metric] = newest;
    }
  }

  /** Not at once: a page that is behind would only fall further back. @param {string[]} uids */
  #notifyMissedLater(uids) {
    for (const uid of uids) this.#missed.add(uid);
    clearTimeout(this.#keepsUpTimer);
    this.#keepsUpTimer = setTimeout(() => {
      const missed = [...this.#missed];
      this.#missed.clear();
      for (const uid of missed) this.#notify(uid, (listener) => listener.missed?.(uid));
    }, KEEPS_UP_MS);
  }

  /** @param {string} uid @param {DeviceListener} listener */
  #add(uid, listener) {
    this.#listeners.set(uid, (this.#listeners.get(uid) ?? new Set()).add(listener));
  }

  /** @param {string} uid @param {DeviceListener} listener */
  #remove(uid, listener) {
    const listeners = this.#listeners.get(uid);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(uid);
  }

  /** @param {string} uid @param {(listener: DeviceListener) => void} call */
  #notify(uid, call) {
    for (const listener of this.#listeners.get(uid) ?? []) call(listener);
  }
}
