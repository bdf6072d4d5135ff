// Requests to the HTTP API: JSON in and out, and every failure as a `RequestError`.

import { csrfHeaders } from "./csrf.js";
import { RequestError, unreachable } from "./request_error.js";

/**
 * The answer of the hub, whose status is 2xx. Rejects with a `RequestError`, or the signal's reason if it was aborted.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 */
export async function request(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    options.signal?.throwIfAborted();
    throw unreachable();
  }
  if (response.ok) return response;
  throw refusal(response.status, await response.json().catch(() => null));
}

/**
 * @param {string} url
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function getJson(url, { signal } = {}) {
  const response = await request(url, { signal, headers: { Accept: "application/json" } });
  if (response.redirected) throw new RequestError("unauthenticated", "You are no longer signed in.", false);
  return contentOf(response);
}

/**
 * Sends a request that changes something.
 *
 * @param {string} method
 * @param {string} url
 * @param {BodyInit} body
 * @param {{type?: string, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function send(method, url, body, { type = "application/json", signal } = {}) {
  const headers = { "Content-Type": type, Accept: "application/json", ...csrfHeaders() };
  return contentOf(await request(url, { method, body, headers, signal }));
}

/** @param {Response} response */
async function contentOf(response) {
  const content = await response.json().catch(() => null);
  if (!content) throw refusal(response.status, content);
  return content;
}

/**
 * The error for an answer other than 2xx.
 *
 * @param {number} status
 * @param {any} content  the body, or `null` if it is not JSON
 */
export function refusal(status, content) {
  const { code, message, retry = false } = content?.error ?? {};
  if (code) return new RequestError(code, message, retry);
  // A proxy in front of the hub has limits and error pages of its own.
  if (status === 413) return new RequestError("too_large", "The file is too large.", false);
  if (status >= 500) return new RequestError("unavailable", `The hub answered ${status}.`, true);
  return new RequestError("unexpected", `Something other than the hub answered, with status ${status}.`, true);
}
