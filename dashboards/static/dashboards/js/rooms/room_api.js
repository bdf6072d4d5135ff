// What a room's page asks over HTTP: history, who may be named, files.

import { RequestError } from "../live/connection.js";

const HISTORY = 50;
const PAGE = 200;
/** An upload of which nothing has moved for so long is given up; the hub stores a file faster than that. */
const STALLED_MS = 60_000;

const csrf = () =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith("csrftoken="))
    ?.slice("csrftoken=".length) ?? "";

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
    return items.map(nameable);
  }

  /** One device in the same shape. */
  async device(uid) {
    return nameable(await getJson(`/api/v1/devices/${encodeURIComponent(uid)}`));
  }

  fileUrl({ id, name }) {
    return `${this.#url}/files/${id}/${encodeURIComponent(name)}`;
  }

  /** Sends a file with its message and resolves with the seq; `progress(share)` goes from 0 to 1. */
  async upload(file, { text, key, progress }) {
    await checkReadable(file);
    const form = new FormData();
    form.append("key", key);
    if (text) form.append("text", text);
    form.append("file", file, file.name || "image.png");
    return send(`${this.#url}/files`, form, progress);
  }
}

function nameable({ device: { uid, name, attributes }, latest }) {
  return { uid, name, attributes, metrics: Object.keys(latest).sort() };
}

/** One that was changed or taken away since it was chosen fails without a reason, as if the network did. */
async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new RequestError("unreadable", "The file can’t be read. Choose it again.", false);
  }
}

function send(url, form, progress) {
  // `fetch` tells nothing of how far an upload has come.
  const request = new XMLHttpRequest();
  request.open("POST", url);
  request.setRequestHeader("X-CSRFToken", csrf());
  request.responseType = "json";
  let stalled;
  const wait = () => {
    clearTimeout(stalled);
    stalled = setTimeout(() => request.abort(), STALLED_MS);
  };
  request.upload.onprogress = ({ loaded, total }) => {
    wait();
    progress(total ? loaded / total : 0);
  };
  return new Promise((resolve, reject) => {
    request.onload = () => {
      const { status, response } = request;
      if (status < 300 && response) resolve(response.seq);
      else reject(refusal(status, response));
    };
    request.onerror = () => reject(away());
    request.onabort = () => reject(new RequestError("timeout", "The upload stood still.", true));
    wait();
    request.send(form);
  }).finally(() => clearTimeout(stalled));
}

async function getJson(url) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" } });
  } catch {
    throw away();
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok || !content) throw refusal(answer.status, content);
  return content;
}

const away = () => new RequestError("unavailable", "The hub can’t be reached.", true);

function refusal(status, content) {
  const { code, message, retry } = content?.error ?? {};
  if (code) return new RequestError(code, message, retry);
  // A proxy in front of the hub has its own limits and its own pages.
  if (status === 413) return new RequestError("too_large", "The file is too large.", false);
  if (status >= 500) return new RequestError("unavailable", `The hub answered ${status}.`, true);
  return new RequestError("unexpected", `Something else than the hub answered, with ${status}.`, true);
}
