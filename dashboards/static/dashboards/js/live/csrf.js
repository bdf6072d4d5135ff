// The token without which the hub refuses a request that changes something.

/** The headers that prove that a request comes from one of the hub's own pages. */
export function csrfHeaders() {
  const pairs = globalThis.document?.cookie.split("; ") ?? []; // there is no document where Node runs the tests
  const token = pairs.find((pair) => pair.startsWith("csrftoken="))?.slice("csrftoken=".length);
  return { "X-CSRFToken": token ?? "" };
}
