// Reads history from the HTTP API.

const AT_ONCE = 4; // a page of charts must not take all of the browser's connections to the hub

let running = 0;
const waiting = [];

async function inTurn(job) {
  if (running >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  running++;
  try {
    return await job();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

const deviceUrl = (uid) => `/api/v1/devices/${encodeURIComponent(uid)}`;

async function getJson(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (response.status === 404) return null; // a metric nobody has sent yet
  if (!response.ok) throw new Error(`the hub answered ${response.status}`);
  return response.json();
}

/** Columns of `metric` from `start` to `end` (milliseconds), about `points` of them; `null` if there are none. */
export function fetchReadings(uid, metric, { start, end, points, signal }) {
  const query = new URLSearchParams({ metric, start: Math.floor(start), end: Math.ceil(end), points });
  return inTurn(() => (signal?.aborted ? null : getJson(`${deviceUrl(uid)}/readings?${query}`, signal)));
}

/** When the device was online, offline, stale or unknown from `start` to `end` (milliseconds), and if it flaps. */
export function fetchAvailability(uid, start, end) {
  const query = new URLSearchParams({ start: Math.floor(start), end: Math.ceil(end) });
  return inTurn(() => getJson(`${deviceUrl(uid)}/availability?${query}`));
}

/** Changes fields of a device; resolves with what it is then. Throws an `Error` that a person can read. */
export async function changeDevice(uid, changes, csrfToken) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken, Accept: "application/json" };
  const response = await fetch(deviceUrl(uid), { method: "PATCH", headers, body: JSON.stringify(changes) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** The last refused messages of a device, newest first. */
export function fetchRefusals(uid) {
  return inTurn(() => getJson(`${deviceUrl(uid)}/refusals`));
}

/** The newest commands of a device, newest first. */
export function fetchCommands(uid) {
  return inTurn(() => getJson(`${deviceUrl(uid)}/commands`));
}
