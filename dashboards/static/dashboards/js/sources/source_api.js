// Sources, what was found there, their logins and brokers over the HTTP API.

import { csrfHeaders } from "../live/csrf.js";
import { getJson, request, send } from "../live/http.js";

/** @import { Value } from "../live/protocol.d.ts" */
/** @typedef {{name: string, title: string, about: string, prefix: string}} Convention */
/** @typedef {{id: number, connected: boolean, state: string, problem: string, adopt: boolean}} SourceFacts */
/** @typedef {{id: number, username: string, label: string}} Login */
/** @typedef {{host: string, port: number, tls: boolean, ca: string, username: string, password: string}} Connection */
/**
 * @typedef {object} Found
 * @property {string} key
 * @property {string} address
 * @property {string} name
 * @property {Record<string, Value>} latest
 * @property {Record<string, Value>} attributes
 * @property {string} availability
 * @property {string} problem
 * @property {boolean} ignored
 * @property {number} first_at
 * @property {number} at
 */

/** @returns {Promise<Convention[]>} */
export const listConventions = async () => (await getJson("/api/v1/conventions")).items;

/** @param {object} source @returns {Promise<SourceFacts>} */
export const createSource = (source) => post("/api/v1/sources", source);

/** @param {Connection & {name: string, space: string}} broker @returns {Promise<{name: string, host: string}>} */
export const createBroker = (broker) => post("/api/v1/brokers", broker);

/** @param {Connection & {space: string}} connection @returns {Promise<{ok: boolean, problem: string}>} */
export const testBroker = (connection) => post("/api/v1/brokers/test", connection);

/** @param {string} space @param {string} broker @returns {Promise<{ok: boolean, problem: string}>} */
export const testAddedBroker = (space, broker) => post("/api/v1/brokers/test", { space, broker });

/** @param {string} name */
export const deleteBroker = (name) => remove(`/api/v1/brokers/${name}`);

/** One source over the API. */
export class SourceApi {
  #url;

  /** @param {number} id */
  constructor(id) {
    this.#url = `/api/v1/sources/${id}`;
  }

  /** @returns {Promise<SourceFacts>} */
  facts() {
    return getJson(this.#url);
  }

  /** @param {boolean} adopt @returns {Promise<SourceFacts>} */
  setAdopt(adopt) {
    return send("PATCH", this.#url, JSON.stringify({ adopt }));
  }

  delete() {
    return remove(this.#url);
  }

  /** @param {boolean} ignored @returns {Promise<Found[]>} */
  async found(ignored) {
    return (await getJson(`${this.#url}/found?ignored=${ignored}`)).items;
  }

  /** @param {string} key @returns {Promise<{device: {uid: string, name: string}}>} */
  adopt(key) {
    return post(`${this.#url}/found/${key}/adopt`, {});
  }

  /** @returns {Promise<{added: string[], problems: Record<string, string>}>} */
  adoptAll() {
    return post(`${this.#url}/found/adopt`, {});
  }

  /** @param {string} key @param {boolean} ignored */
  ignore(key, ignored) {
    return post(`${this.#url}/found/${key}/ignore`, { ignored });
  }

  /** @returns {Promise<Login[]>} */
  async logins() {
    return (await getJson(`${this.#url}/logins`)).items;
  }

  /** @param {string} label @returns {Promise<Login & {secret: string}>} */
  createLogin(label) {
    return post(`${this.#url}/logins`, { label });
  }

  /** @param {number} id */
  revoke(id) {
    return remove(`${this.#url}/logins/${id}`);
  }

  /** @returns {Promise<Record<string, string>>} */
  acl() {
    return getJson(`${this.#url}/acl`);
  }
}

/** @param {string} url @param {object} content */
function post(url, content) {
  return send("POST", url, JSON.stringify(content));
}

/** @param {string} url */
function remove(url) {
  return request(url, { method: "DELETE", headers: csrfHeaders() });
}
