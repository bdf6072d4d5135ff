// Addresses of a device in the HTTP API. Pure.

/** @param {string} uid */
export const deviceUrl = (uid) => `/api/v1/devices/${encodeURIComponent(uid)}`;

/** Whole milliseconds, as a query. @param {number} start @param {number} end */
export const roundedSpan = (start, end) => ({ start: String(Math.floor(start)), end: String(Math.ceil(end)) });
