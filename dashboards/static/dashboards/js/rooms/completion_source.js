// What can be completed in a room, each part fetched when it is first needed. No DOM in here.

import { buttonsOf, controlsOf } from "../device/attributes.js";
import { record } from "../live/record.js";
import { completionsOf, tokenAt } from "./completions.js";

/** @import { Completion, Vocabulary } from "./completions.js" */
/** @import { DeviceNames, RoomApi } from "./room_api.js" */

/** @typedef {"commands" | "people" | "device" | "devices"} Part */
/** @typedef {Completion & {isTyped: boolean}} Offer  `isTyped`: the text before the caret is this already */

const SWITCH_VALUES = ["true", "false"];
/** A part that could not be fetched is not requested again for this long. */
const AGAIN_MS = 10_000;

export class CompletionSource {
  #api;
  #room;
  /** @type {Map<Part, Promise<void>>} */
  #fetched = new Map();
  /** @type {Map<Part, number>} when a part could not be fetched, in milliseconds */
  #failedAt = new Map();
  /** @type {Vocabulary} */
  #vocabulary;

  /** @param {RoomApi} api @param {{device?: string | null, space?: string | null}} room */
  constructor(api, room) {
    this.#api = api;
    this.#room = room;
    const device = room.device ?? null;
    this.#vocabulary = { commands: [], people: [], devices: [], metrics: record(), settable: [], callable: [], device };
  }

  /**
   * The completions for the text before the caret, or null. A space may have many devices, so the other
   * completions do not wait for them: `more()` is called once they have arrived.
   *
   * @param {string} text
   * @param {number} caret
   * @param {() => void} [more]
   * @returns {Promise<{items: Offer[], start: number} | null>}
   */
  async at(text, caret, more = () => {}) {
    const token = tokenAt(text, caret);
    if (!token) return null;
    if (token.kind === "command") await this.#need("commands");
    if (token.kind === "argument") await this.#need("device");
    if (token.kind === "reference") {
      if (!this.#fetched.has("devices")) this.#need("devices").then(() => this.#fetched.has("devices") && more());
      await this.#need("people");
    }
    const typed = text.slice(token.start, caret);
    const found = completionsOf(token, this.#vocabulary);
    return { items: found.map((item) => ({ ...item, isTyped: item.text.trimEnd() === typed })), start: token.start };
  }

  /** Resolves once the part is there, or could not be fetched. @param {Part} part */
  #need(part) {
    const failedAt = this.#failedAt.get(part);
    if (failedAt !== undefined && Date.now() - failedAt < AGAIN_MS) return Promise.resolve();
    const fetched = this.#fetched.get(part) ?? this.#fetch(part).catch(() => this.#handleFailure(part));
    this.#fetched.set(part, fetched);
    return fetched;
  }

  /** @param {Part} part */
  async #fetch(part) {
    const { device, space } = this.#room;
    if (part === "commands") this.#vocabulary.commands = await this.#api.commands();
    else if (part === "people") this.#vocabulary.people = await this.#api.members();
    else if (part === "device" && device) this.#addOwnDevice(await this.#api.device(device));
    else if (part === "devices" && space) this.#addDevices(await this.#api.devices(space));
  }

  /** @param {Part} part */
  #handleFailure(part) {
    this.#fetched.delete(part);
    this.#failedAt.set(part, Date.now());
  }

  /** Adds what can be set and called on the room's own device. @param {DeviceNames} device */
  #addOwnDevice({ uid, attributes, metrics }) {
    this.#vocabulary.metrics[uid] = metrics;
    this.#vocabulary.settable = controlsOf(attributes).map((control) => ({
      arg: control.arg,
      values: control.kind === "choice" ? control.choices : control.kind === "switch" ? SWITCH_VALUES : [],
    }));
    this.#vocabulary.callable = buttonsOf(attributes).map(({ arg }) => arg);
  }

  /** @param {DeviceNames[]} devices */
  #addDevices(devices) {
    this.#vocabulary.devices = devices;
    for (const { uid, metrics } of devices) this.#vocabulary.metrics[uid] = metrics;
  }
}
