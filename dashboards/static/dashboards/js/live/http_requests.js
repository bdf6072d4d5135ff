// Requests of the live connection that the HTTP API answers as well. Pure.

/** @typedef {Record<string, any> & {id: number, type: string}} RequestFrame */

/** @param {RequestFrame} frame */
const roomUrl = ({ room }) => `rooms/${room}`;

/**
 * By type: the method, the address below `/api/v1/`, and the fields that go into the body.
 *
 * @type {Record<string, [method: string, address: (frame: RequestFrame) => string, fields: string[]]>}
 */
const REQUESTS = {
  command: ["POST", ({ device }) => `devices/${encodeURIComponent(device)}/commands`, ["name", "args", "timeout_s"]],
  message: ["POST", (frame) => `${roomUrl(frame)}/messages`, ["text", "key"]],
  direct: ["POST", ({ to }) => `people/${encodeURIComponent(to)}/messages`, ["text", "key"]],
  edit: ["PATCH", (frame) => `${roomUrl(frame)}/messages/${frame.seq}`, ["text"]],
  remove: ["DELETE", (frame) => `${roomUrl(frame)}/messages/${frame.seq}`, []],
  read: ["PUT", (frame) => `${roomUrl(frame)}/read`, ["seq"]],
};

/**
 * The request as `{method, url, body}`, or `null` if the HTTP API has no equivalent.
 *
 * @param {RequestFrame} frame
 * @returns {{method: string, url: string, body: string | undefined} | null}
 */
export function toHttp(frame) {
  if (!Object.hasOwn(REQUESTS, frame.type)) return null;
  const [method, address, fields] = REQUESTS[frame.type];
  const sent = fields.filter((name) => name in frame).map((name) => [name, frame[name]]);
  const body = fields.length ? JSON.stringify(Object.fromEntries(sent)) : undefined;
  return { method, url: `/api/v1/${address(frame)}`, body };
}
