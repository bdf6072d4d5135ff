// Sends commands and follows them until they end. No DOM in here.

import { isFinal } from "./status_labels.js";

/** @import { HubConnection } from "../live/hub_connection.js" */
/** @import { CommandPush } from "../live/protocol.d.ts" */

/**
 * How a command ended: as the device answered, `refused` by the hub, or `unknown` if the connection was lost meanwhile.
 *
 * @typedef {{status: CommandPush["status"] | "refused" | "unknown", result?: unknown, error?: string}} Outcome
 */
/** @typedef {{resolve: (outcome: Outcome) => void, timer: any}} Followed */

const REMEMBERED = 100;

/** The hub gives a command up after its time-out. Without a connection this page does not learn of that. */
const PATIENCE_MS = 10_000;
const TIMEOUT_S = 15;

export class CommandSender {
  #connection;
  /** @type {Map<string, Followed>} by id */
  #followed = new Map();
  /** @type {Map<string, CommandPush>} final pushes that arrived before the reply to the request, by id */
  #early = new Map();

  /** @param {Pick<HubConnection, "request">} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** Handles a `command` push, whoever sent the command. @param {CommandPush} push */
  handlePush(push) {
    if (!isFinal(push.status)) return;
    const followed = this.#followed.get(push.id);
    if (followed) this.#end(push.id, followed, push);
    else this.#remember(push);
  }

  /**
   * Sends a command and resolves once it has ended.
   *
   * @param {string} device
   * @param {string} name
   * @param {Record<string, unknown>} args
   * @returns {Promise<Outcome>}
   */
  async send(device, name, args) {
    try {
      return await this.#follow(await this.issue(device, name, args, TIMEOUT_S));
    } catch (error) {
      return { status: "refused", error: /** @type {Error} */ (error).message };
    }
  }

  /**
   * Sends a command that nobody follows; resolves with its id, and rejects if the hub refuses it.
   *
   * @param {string} device
   * @param {string} name
   * @param {Record<string, unknown>} args
   * @param {number} timeoutS
   * @returns {Promise<string>}
   */
  async issue(device, name, args, timeoutS) {
    return (await this.#connection.request("command", { device, name, args, timeout_s: timeoutS })).command;
  }

  /** @param {string} id @returns {Promise<Outcome>} */
  async #follow(id) {
    const early = this.#early.get(id);
    if (early) return early;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(id, followed, UNKNOWN), TIMEOUT_S * 1000 + PATIENCE_MS);
      const followed = { resolve, timer };
      this.#followed.set(id, followed);
    });
  }

  /** @param {string} id @param {Followed} followed @param {Outcome} outcome */
  #end(id, { resolve, timer }, outcome) {
    clearTimeout(timer);
    this.#followed.delete(id);
    resolve(outcome);
  }

  /** @param {CommandPush} push */
  #remember(push) {
    this.#early.set(push.id, push);
    const [oldest] = this.#early.keys();
    if (this.#early.size > REMEMBERED) this.#early.delete(oldest);
  }
}

/** @type {Outcome} */
const UNKNOWN = { status: "unknown", error: "No answer was received." };
