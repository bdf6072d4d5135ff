// What a room's page asks over HTTP: history, who may be named, files.

import { RequestError } from "../connection.js";

const HISTORY = 50;
const PAGE = 200;

const csrf = () => document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="))?.slice("csrftoken=".length) ?? "";

/** All methods reject with a `RequestError`. */
export class RoomApi {
  #url;

  constructor(room) {
    this.#url = `/api/v1/rooms/${room}`;
  }

  /** `{seq, items}`, oldest first; `seq` is the room's newest. */
  before(seq) {
    return getJson(`${this.#url}/messages?before_seq=${seq}&limit=${HISTORY}`);
  }

  after(seq) {
    return getJson(`${this.#url}/messages?after_seq=${seq}&limit=${PAGE}`);
  }

  around(seq) {
    return getJson(`${this.#url}/messages?around_seq=${seq}&limit=${HISTORY}`);
  }

  /** What a message said before it was changed: `[{text, until, by}, …]`. */
  async revisions(seq) {
    return (await getJson(`${this.#url}/messages/${seq}/revisions`)).items;
  }

  async members() {
    return (await getJson(`${this.#url}/members`)).items;
  }

  async commands() {
    return (await getJson(`${this.#url}/chat-commands`)).items;
  }

  /** The devices of a space: `[{uid, name, attributes, metrics}]`, the last being names. */
  async devices(space) {
    const { items } = await getJson(`/api/v1/devices?space=${encodeURIComponent(space)}&limit=1000`);
    return items.map(({ device: { uid, name, attributes }, latest }) => ({ uid, name, attributes, metrics: Object.keys(latest).sort() }));
  }

  fileUrl({ id, name }) {
    return `${this.#url}/files/${id}/${encodeURIComponent(name)}`;
  }

  /** Sends a file with its message and resolves with the seq; `progress(share)` goes from 0 to 1. */
  upload(file, { text, key, progress }) {
    const form = new FormData();
    form.append("key", key);
    if (text) form.append("text", text);
    form.append("file", file, file.name || "image.png");
    // `fetch` tells nothing of how far an upload has come.
    const request = new XMLHttpRequest();
    request.open("POST", `${this.#url}/files`);
    request.setRequestHeader("X-CSRFToken", csrf());
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    return new Promise((resolve, reject) => {
      request.onload = () => (request.status < 300 ? resolve(request.response.seq) : reject(refusal(request.status, request.response)));
      request.onerror = () => reject(away());
      request.send(form);
    });
  }
}

async function getJson(url) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" } });
  } catch {
    throw away();
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok) throw refusal(answer.status, content);
  return content;
}

const away = () => new RequestError("unavailable", "The hub can’t be reached.", true);

function refusal(status, content) {
  const { code, message, retry } = content?.error ?? {};
  if (code) return new RequestError(code, message, retry);
  // A proxy in front of the hub has its own limits and its own pages.
  if (status === 413) return new RequestError("too_large", "The file is too large.", false);
  return new RequestError("unavailable", `The hub answered ${status}.`, status >= 500);
}
