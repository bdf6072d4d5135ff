// Sends commands and follows them to their end. No DOM in here.

const FINAL = new Set(["succeeded", "failed", "timed_out"]);
const REMEMBERED = 100;

/** After its time-out the hub gives a command up; without a connection we can't hear of that. */
const PATIENCE_MS = 10_000;
const TIMEOUT_S = 15;

export class Commands {
  #connection;
  #followed = new Map(); // id -> {resolve, timer}
  #early = new Map(); // id -> final push that came before the reply to our request

  constructor(connection) {
    this.#connection = connection;
  }

  /** Takes a `command` push, whoever the command came from. */
  take(push) {
    if (!FINAL.has(push.status)) return;
    const followed = this.#followed.get(push.id);
    if (followed) this.#end(push.id, followed, push);
    else this.#remember(push);
  }

  /**
   * Sends a command. Resolves with `{status, result, error}` once it has come to an end; `status` is `succeeded`,
   * `failed`, `timed_out`, `refused` (by the hub) or `unknown` (the connection was lost meanwhile).
   */
  async send(device, name, args) {
    try {
      const { command: id } = await this.#connection.request("command", { device, name, args, timeout_s: TIMEOUT_S });
      return await this.#follow(id);
    } catch (error) {
      return { status: "refused", error: error.message };
    }
  }

  #follow(id) {
    const early = this.#early.get(id);
    if (early) return early;
    return new Promise((resolve) => {
      const unknown = { status: "unknown", error: "The answer wasn’t heard." };
      const timer = setTimeout(() => this.#end(id, { resolve, timer }, unknown), TIMEOUT_S * 1000 + PATIENCE_MS);
      this.#followed.set(id, { resolve, timer });
    });
  }

  #end(id, { resolve, timer }, outcome) {
    clearTimeout(timer);
    this.#followed.delete(id);
    resolve(outcome);
  }

  #remember(push) {
    this.#early.set(push.id, push);
    if (this.#early.size > REMEMBERED) this.#early.delete(this.#early.keys().next().value);
  }
}
