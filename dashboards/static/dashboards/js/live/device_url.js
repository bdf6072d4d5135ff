// The address of a device in the HTTP API, and a span of time in its queries. Pure.

/** @param {string} uid */
export const deviceUrl = (uid) => `/api/v1/devices/${encodeURIComponent(uid)}`;

/** The query of a span, widened to whole milliseconds. @param {number} start @param {number} end */
export const roundedSpan = (start, end) => ({ start: String(Math.floor(start)), end: String(Math.ceil(end)) });
