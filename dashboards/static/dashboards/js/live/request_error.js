// The one error of requests to the hub, over the live connection and over HTTP.

/** A request that was refused, lost or not answered. `message` is a sentence for a person. */
export class RequestError extends Error {
  /**
   * @param {string} code  the hub's own, or `timeout`, `disconnected`, `unavailable` or `unexpected`
   * @param {string} message
   * @param {boolean} retry  whether the same request may succeed later
   */
  constructor(code, message, retry) {
    super(message);
    this.code = code;
    this.retry = retry;
  }
}

export const disconnected = () => new RequestError("disconnected", "There is no connection to the hub.", true);
export const unreachable = () => new RequestError("unavailable", "The hub can’t be reached.", true);
