import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { getJson, refusal, send } from "../../../dashboards/static/dashboards/js/live/http.js";
import { RequestError } from "../../../dashboards/static/dashboards/js/live/request_error.js";

const real = { fetch: globalThis.fetch, document: globalThis.document };
afterEach(() => Object.assign(globalThis, real));

/** A hub that answers every request alike; returns the requests. */
function hub(status, content) {
  const requests = [];
  globalThis.fetch = async (url, options) => {
    requests.push({ url, ...options });
    return new Response(content === undefined ? "<html>" : JSON.stringify(content), { status });
  };
  return requests;
}

describe("a request", () => {
  it("resolves with the content of the answer", async () => {
    hub(200, { items: [1] });
    assert.deepEqual(await getJson("/api/v1/x"), { items: [1] });
  });

  it("that changes something proves that it comes from the hub's own page", async () => {
    globalThis.document = { cookie: "theme=dark; csrftoken=abc" };
    const requests = hub(200, {});
    await send("PATCH", "/api/v1/x", "{}");
    const [request] = requests;
    assert.equal(request.method, "PATCH");
    assert.equal(request.headers["X-CSRFToken"], "abc");
  });

  it("rejects with the hub's code, message and advice", async () => {
    hub(422, { error: { code: "refused", message: "Too long.", retry: false } });
    await assert.rejects(getJson("/"), {
      constructor: RequestError,
      code: "refused",
      message: "Too long.",
      retry: false,
    });
  });

  it("rejects as unavailable, to be retried, if the network fails", async () => {
    globalThis.fetch = () => Promise.reject(new TypeError("network error"));
    await assert.rejects(getJson("/"), { code: "unavailable", retry: true });
  });

  it("rejects with the reason of its signal if it is aborted", async () => {
    const controller = new AbortController();
    globalThis.fetch = async () => {
      controller.abort();
      throw new TypeError("aborted");
    };
    await assert.rejects(getJson("/", { signal: controller.signal }), { name: "AbortError" });
  });

  it("rejects if something other than the hub answers", async () => {
    hub(200, undefined);
    await assert.rejects(getJson("/"), { code: "unexpected" });
  });
});

describe("the answer of a proxy", () => {
  for (const [status, code, retry] of [
    [413, "too_large", false],
    [502, "unavailable", true],
    [418, "unexpected", true],
  ]) {
    it(`with status ${status} is ${code}`, () => {
      const error = refusal(status, null);
      assert.deepEqual([error.code, error.retry], [code, retry]);
    });
  }
});
