// Hands what the connection pushes to whoever watches the device. No DOM in here.

import { record } from "../device/metrics.js";

/** So long without readings left out, and the page keeps up with what comes. */
const KEEPS_UP_MS = 2_000;

/**
 * A listener has any of `snapshot(uid, snapshot)`, `telemetry(uid, {metric: [[MS, value], …]})`,
 * `missed(uid)`, `availability(uid, {status, at})`, `command(uid, push)`, `refused(error)`. `missed` says that the hub
 * has left out readings because this page was too slow to take them: whoever keeps a history asks for it again.
 */
export class Feed {
  #connection;
  #watchers = new Map(); // uid -> Set of listeners
  #devices = new Map(); // uid of a device that is watched by itself -> {listeners, known, end}
  #missed = new Set(); // uids whose listeners are to be told once the page keeps up again
  #keepsUp;

  constructor(connection) {
    this.#connection = connection;
    connection.on("telemetry", ({ devices, dropped }) => {
      for (const [uid, columns] of Object.entries(devices)) {
        this.#keep(uid, columns);
        this.#tell(uid, "telemetry", columns);
      }
      if (dropped) this.#miss(Object.keys(devices));
    });
    connection.on("availability", (push) => {
      const { known } = this.#devices.get(push.device) ?? {};
      if (known) Object.assign(known, { availability: push.status, availability_at: push.at });
      this.#tell(push.device, "availability", push);
    });
    connection.on("command", (push) => this.#tell(push.device, "command", push));
  }

  /**
   * Watches one device; the returned function ends it. Several parts of a page may watch the same one: its stream is
   * subscribed to once, and who comes later is told what the others have been told so far.
   */
  watchDevice(uid, listener) {
    const shared = this.#devices.get(uid) ?? this.#share(uid);
    shared.listeners.add(listener);
    this.#add(uid, listener);
    queueMicrotask(() => this.#greet(uid, shared, listener));
    return () => {
      this.#remove(uid, listener);
      shared.listeners.delete(listener);
      if (shared.listeners.size || this.#devices.get(uid) !== shared) return;
      this.#devices.delete(uid);
      shared.end();
    };
  }

  /** Watches the devices `uids` of a dashboard; its listener may have `revision(text)` too, called before all else. */
  watchDashboard(id, uids, listener) {
    return this.#watch(`dashboard:${id}`, uids, listener, (result) => result.devices ?? {});
  }

  #watch(stream, uids, listener, byUid) {
    for (const uid of uids) this.#add(uid, listener);
    const end = this.#connection.subscribe(stream, {
      snapshot: (result) => {
        listener.revision?.(result.revision);
        for (const [uid, snapshot] of Object.entries(byUid(result))) listener.snapshot?.(uid, snapshot);
      },
      refused: (error) => listener.refused?.(error),
    });
    return () => {
      for (const uid of uids) this.#remove(uid, listener);
      end();
    };
  }

  #share(uid) {
    const shared = { listeners: new Set(), told: new WeakSet(), known: null };
    this.#devices.set(uid, shared);
    shared.end = this.#connection.subscribe(`device:${uid}`, {
      snapshot: (snapshot, first) => {
        shared.known = { ...snapshot, latest: record(snapshot.latest) };
        for (const listener of [...shared.listeners]) {
          shared.told.add(listener);
          listener.snapshot?.(uid, snapshot, first);
        }
      },
      refused: (error) => {
        this.#devices.delete(uid);
        for (const listener of [...shared.listeners]) listener.refused?.(error);
      },
    });
    return shared;
  }

  #greet(uid, { listeners, told, known }, listener) {
    if (!known || told.has(listener) || !listeners.has(listener)) return;
    told.add(listener);
    listener.snapshot?.(uid, { ...known, latest: record(known.latest) }, true);
  }

  #keep(uid, columns) {
    const { known } = this.#devices.get(uid) ?? {};
    if (!known) return;
    for (const [metric, points] of Object.entries(columns)) {
      const newest = points.at(-1);
      if (!known.latest[metric] || newest[0] >= known.latest[metric][0]) known.latest[metric] = newest;
    }
  }

  /** Not at once: a page that is behind would only fall back further. */
  #miss(uids) {
    for (const uid of uids) this.#missed.add(uid);
    clearTimeout(this.#keepsUp);
    this.#keepsUp = setTimeout(() => {
      const missed = [...this.#missed];
      this.#missed.clear();
      for (const uid of missed) this.#tell(uid, "missed");
    }, KEEPS_UP_MS);
  }

  #add(uid, listener) {
    if (!this.#watchers.has(uid)) this.#watchers.set(uid, new Set());
    this.#watchers.get(uid).add(listener);
  }

  #remove(uid, listener) {
    const listeners = this.#watchers.get(uid);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#watchers.delete(uid);
  }

  #tell(uid, name, detail) {
    for (const listener of this.#watchers.get(uid) ?? []) listener[name]?.(uid, detail);
  }
}
