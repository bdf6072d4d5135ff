"""Scripts of the shapes in which vendors publish them, each with bytes and what it makes of them."""

from __future__ import annotations

THINGS_NETWORK = """
function signed(high, low) {
  var value = (high << 8) | low;
  return value > 0x7fff ? value - 0x10000 : value;
}

function decodeUplink(input) {
  if (input.fPort !== 2) {
    return { errors: ["unknown FPort " + input.fPort] };
  }
  var data = {
    temperature: signed(input.bytes[0], input.bytes[1]) / 100,
    battery: { volts: input.bytes[2] / 50 },
    at: input.recvTime.getTime() > 0,
  };
  return { data: data, warnings: data.battery.volts < 2 ? ["battery is low"] : [] };
}

function normalizeUplink(input) {
  return { data: { air: { temperature: input.data.temperature } } };
}

function encodeDownlink(input) {
  return { bytes: [1, input.data.interval], fPort: 3, warnings: [] };
}
"""

CHIRPSTACK = """
// Lookup tables and `const`, as in scripts for version 4.
const KINDS = { 0x67: ["temperature", 2, 10], 0x68: ["humidity", 1, 2] };

function decodeUplink({ bytes, fPort, variables }) {
  const data = { port: fPort, variables: Object.keys(variables).length };
  for (let i = 0; i + 1 < bytes.length; ) {
    const [name, size, scale] = KINDS[bytes[i + 1]];
    let value = 0;
    for (const byte of bytes.slice(i + 2, i + 2 + size)) value = value * 256 + byte;
    data[`${name}_${bytes[i]}`] = value / scale;
    i += 2 + size;
  }
  return { data };
}
"""

OLD = """
function Decoder(bytes, port) {
  var decoded = {};
  decoded.level = (bytes[1] << 8) + bytes[0];
  decoded.open = !!(bytes[2] & 1);
  decoded.port = port;
  return decoded;
}
"""

WITH_BUFFER = """
function Decode(fPort, bytes, variables) {
  var buffer = Buffer.from(bytes);
  return {
    counter: buffer.readUInt32LE(0),
    level: buffer.readInt16BE(4),
    ratio: buffer.readFloatBE(6),
    serial: buffer.slice(10, 12).toString("hex"),
    text: buffer.toString("ascii", 12, 14),
    size: buffer.length,
  };
}
"""
