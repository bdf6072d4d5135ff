// Knows what can be completed in a room: asks for it when it is first wanted. No DOM in here.

import { buttonsOf, controlsOf, record } from "../metrics.js";
import { completions, wanted } from "./completion.js";

const SWITCHED = ["true", "false"];

export class Completer {
  #api;
  #room;
  #known = { commands: [], people: [], devices: [], metrics: {}, settable: [], callable: [] };
  #asked = null;

  /** `room`: `{device, space}`. */
  constructor(api, room) {
    this.#api = api;
    this.#room = room;
    this.#known.device = room.device ?? null;
  }

  /** `{items, start}` for the text before the caret, or null. */
  async at(text, caret) {
    const token = wanted(text, caret);
    if (!token) return null;
    await this.#ask();
    const typed = text.slice(token.start, caret);
    const items = completions(token, this.#known).map((item) => ({ ...item, typed: item.text.trimEnd() === typed }));
    return { items, start: token.start };
  }

  /** Once; again where it failed. */
  #ask() {
    this.#asked ??= this.#load().catch(() => (this.#asked = null));
    return this.#asked;
  }

  async #load() {
    const { space } = this.#room;
    const [commands, people, devices] = await Promise.all([
      this.#api.commands(),
      this.#api.members(),
      space ? this.#api.devices(space) : [],
    ]);
    Object.assign(this.#known, { commands, people, devices });
    this.#known.metrics = record(Object.fromEntries(devices.map(({ uid, metrics }) => [uid, metrics])));
    const own = devices.find(({ uid }) => uid === this.#known.device);
    if (own) this.#learn(own.attributes);
  }

  /** The device's own word on what can be set and called. */
  #learn(attributes) {
    this.#known.settable = controlsOf(attributes).map(({ arg, kind, choices }) => ({
      arg,
      values: choices ?? (kind === "switch" ? SWITCHED : []),
    }));
    this.#known.callable = buttonsOf(attributes).map(({ name }) => name);
  }
}
