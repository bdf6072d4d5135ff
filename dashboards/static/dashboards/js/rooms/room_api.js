// A room over the HTTP API: parts of its log, what can be completed in it, files.

import { csrfHeaders } from "../live/csrf.js";
import { getJson, refusal } from "../live/http.js";
import { RequestError, unreachable } from "../live/request_error.js";

/** @import { Attributes, Entry, FileInfo, Latest } from "../live/protocol.d.ts" */

/** @typedef {{seq: number, items: Entry[]}} LogPart  entries, oldest first, and the room's newest seq */
/** @typedef {{text: string, until: number, by: string}} Revision */
/** @typedef {{uid: string, name: string, attributes: Attributes, metrics: string[]}} DeviceNames */

const HISTORY = 50;
const PAGE = 200;
/** An upload that makes no progress for this long is given up; the hub stores a file faster than that. */
const STALLED_MS = 60_000;

/** All methods reject with a `RequestError`. */
export class RoomApi {
  #url;

  /** @param {number} room */
  constructor(room) {
    this.#url = `/api/v1/rooms/${room}`;
  }

  /** @param {number} seq @returns {Promise<LogPart>} */
  before(seq) {
    return getJson(`${this.#url}/messages?before_seq=${seq}&limit=${HISTORY}`);
  }

  /** @param {number} seq @returns {Promise<LogPart>} */
  after(seq) {
    return getJson(`${this.#url}/messages?after_seq=${seq}&limit=${PAGE}`);
  }

  /** @param {number} seq @returns {Promise<LogPart>} */
  around(seq) {
    return getJson(`${this.#url}/messages?around_seq=${seq}&limit=${HISTORY}`);
  }

  /** What a message said before it was changed. @param {number} seq @returns {Promise<Revision[]>} */
  async revisions(seq) {
    return (await getJson(`${this.#url}/messages/${seq}/revisions`)).items;
  }

  /** @returns {Promise<{username: string, bot?: boolean}[]>} */
  async members() {
    return (await getJson(`${this.#url}/members`)).items;
  }

  /** @returns {Promise<{name: string, usage: string, help: string}[]>} */
  async commands() {
    return (await getJson(`${this.#url}/chat-commands`)).items;
  }

  /** The devices of a space. @param {string} space @returns {Promise<DeviceNames[]>} */
  async devices(space) {
    const { items } = await getJson(`/api/v1/devices?space=${encodeURIComponent(space)}&limit=1000`);
    return items.map(namesOf);
  }

  /** @param {string} uid */
  async device(uid) {
    return namesOf(await getJson(`/api/v1/devices/${encodeURIComponent(uid)}`));
  }

  /** @param {FileInfo} file */
  fileUrl({ id, name }) {
    return `${this.#url}/files/${id}/${encodeURIComponent(name)}`;
  }

  /**
   * Sends a file with its message and resolves with the seq.
   *
   * @param {File} file
   * @param {{text: string, key: string, progress: (share: number) => void}} options
   * @returns {Promise<number>}
   */
  async upload(file, { text, key, progress }) {
    await checkReadable(file);
    const form = new FormData();
    form.append("key", key);
    if (text) form.append("text", text);
    form.append("file", file, file.name || "image.png");
    return upload(`${this.#url}/files`, form, progress);
  }
}

/**
 * @param {{device: {uid: string, name: string, attributes: Attributes}, latest: Latest}} snapshot
 * @returns {DeviceNames}
 */
function namesOf({ device: { uid, name, attributes }, latest }) {
  return { uid, name, attributes, metrics: Object.keys(latest).sort() };
}

/**
 * The upload of a file that was changed or deleted meanwhile fails like the network, without a reason.
 *
 * @param {File} file
 */
async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new RequestError("unreadable", "The file can’t be read. Choose it again.", false);
  }
}

/** @param {string} url @param {FormData} form @param {(share: number) => void} progress @returns {Promise<number>} */
function upload(url, form, progress) {
  const request = new XMLHttpRequest(); // `fetch` does not report the progress of an upload
  request.open("POST", url);
  for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
  request.responseType = "json";
  /** @type {any} */
  let stalled;
  const wait = () => {
    clearTimeout(stalled);
    stalled = setTimeout(() => request.abort(), STALLED_MS);
  };
  request.upload.onprogress = ({ loaded, total }) => {
    wait();
    progress(total ? loaded / total : 0);
  };
  /** @type {Promise<number>} */
  const uploaded = new Promise((resolve, reject) => {
    request.onload = () => {
      const { status, response } = request;
      if (status < 300 && response) resolve(response.seq);
      else reject(refusal(status, response));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new RequestError("timeout", "The upload made no progress.", true));
    wait();
    request.send(form);
  });
  return uploaded.finally(() => clearTimeout(stalled));
}
