// Knows what can be completed in a room: asks for each part of it when that is first wanted. No DOM in here.

import { buttonsOf, controlsOf, record } from "../device/metrics.js";
import { completions, wanted } from "./completion.js";

const SWITCHED = ["true", "false"];
/** What could not be asked for is not asked for at each key. */
const AGAIN_MS = 10_000;

export class Completer {
  #asks;
  #asked = new Map(); // part -> promise
  #failed = new Map(); // part -> when, in milliseconds
  #known = { commands: [], people: [], devices: [], metrics: record(), settable: [], callable: [] };

  /** `room`: `{device, space}`. */
  constructor(api, { device, space }) {
    this.#known.device = device ?? null;
    this.#asks = {
      commands: async () => {
        this.#known.commands = await api.commands();
      },
      people: async () => {
        this.#known.people = await api.members();
      },
      device: async () => device && this.#learn(await api.device(device)),
      devices: async () => space && this.#learnAll(await api.devices(space)),
    };
  }

  /**
   * `{items, start}` for the text before the caret, or null. The devices of a space may be many: the rest is not kept
   * waiting for them, and `more()` is called once they are there.
   */
  async at(text, caret, more = () => {}) {
    const token = wanted(text, caret);
    if (!token) return null;
    if (token.kind === "command") await this.#ask("commands");
    if (token.kind === "argument") await this.#ask("device");
    if (token.kind === "reference") {
      if (!this.#asked.has("devices")) this.#ask("devices").then(() => this.#asked.has("devices") && more());
      await this.#ask("people");
    }
    const typed = text.slice(token.start, caret);
    const items = completions(token, this.#known).map((item) => ({ ...item, typed: item.text.trimEnd() === typed }));
    return { items, start: token.start };
  }

  /** Resolves once the part is known, or could not be asked for. */
  #ask(part) {
    const failed = this.#failed.get(part);
    if (failed !== undefined && Date.now() - failed < AGAIN_MS) return Promise.resolve();
    if (!this.#asked.has(part))
      this.#asked.set(
        part,
        this.#asks[part]().catch(() => this.#fail(part)),
      );
    return this.#asked.get(part);
  }

  #fail(part) {
    this.#asked.delete(part);
    this.#failed.set(part, Date.now());
  }

  /** The room's own device, and its word on what can be set and called. */
  #learn({ uid, attributes, metrics }) {
    this.#known.metrics[uid] = metrics;
    this.#known.settable = controlsOf(attributes).map(({ arg, kind, choices }) => ({
      arg,
      values: choices ?? (kind === "switch" ? SWITCHED : []),
    }));
    this.#known.callable = buttonsOf(attributes).map(({ name }) => name);
  }

  #learnAll(devices) {
    this.#known.devices = devices;
    for (const { uid, metrics } of devices) this.#known.metrics[uid] = metrics;
  }
}
