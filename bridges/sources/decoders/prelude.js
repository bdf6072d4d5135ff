// What scripts find beside the language itself: `console` and the part of Node's `Buffer` that decoders use.
(function () {
  "use strict";
  const stringify = JSON.stringify;
  const lines = [];
  const limits = { lines: 50, line: 500 };

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    const text = typeof value === "object" ? stringify(value) : undefined;
    return text === undefined ? String(value) : text;
  }

  function print(...values) {
    if (lines.length < limits.lines) lines.push(values.map(shown).join(" ").slice(0, limits.line));
  }

  globalThis.console = { log: print, info: print, warn: print, error: print, debug: print, trace: print };

  const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  function fromBase64(text) {
    const bytes = [];
    let bits = 0;
    let count = 0;
    for (const char of text.replace(/-/g, "+").replace(/_/g, "/")) {
      const value = BASE64.indexOf(char);
      if (value < 0) continue;
      bits = ((bits << 6) | value) & 0xffffff;
      count += 6;
      if (count >= 8) {
        count -= 8;
        bytes.push((bits >> count) & 255);
      }
    }
    return bytes;
  }

  function toBase64(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 3) {
      const bits = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
      const chars = [18, 12, 6, 0].map((shift) => BASE64[(bits >> shift) & 63]).join("");
      const left = bytes.length - i;
      text += left > 2 ? chars : chars.slice(0, left + 1) + "=".repeat(3 - left);
    }
    return text;
  }

  function fromUtf8(text) {
    return Array.from(unescape(encodeURIComponent(text)), (char) => char.charCodeAt(0));
  }

  function toLatin1(bytes, mask) {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte & mask);
    return text;
  }

  function toUtf8(bytes) {
    const text = toLatin1(bytes, 255);
    try {
      return decodeURIComponent(escape(text));
    } catch {
      return text.replace(/[\x80-\xff]+/g, "\ufffd");
    }
  }

  function fromText(text, encoding) {
    switch (String(encoding ?? "utf8").toLowerCase()) {
      case "hex":
        return (/^(?:[0-9a-f]{2})*/i.exec(text)[0].match(/../g) ?? []).map((pair) => parseInt(pair, 16));
      case "base64":
      case "base64url":
        return fromBase64(text);
      case "ascii":
      case "latin1":
      case "binary":
        return Array.from(text, (char) => char.charCodeAt(0) & 255);
      default:
        return fromUtf8(text);
    }
  }

  class Buffer extends Uint8Array {
    static from(source, encoding) {
      if (typeof source === "string") source = fromText(source, encoding);
      if (source instanceof ArrayBuffer) return new Buffer(source);
      const made = new Buffer(source.length);
      for (let i = 0; i < source.length; i++) made[i] = source[i];
      return made;
    }
    static alloc(size, fill = 0) {
      return new Buffer(size).fill(fill);
    }
    static allocUnsafe(size) {
      return new Buffer(size);
    }
    static isBuffer(value) {
      return value instanceof Buffer;
    }
    static byteLength(text, encoding) {
      return fromText(text, encoding).length;
    }
    static concat(list) {
      return Buffer.from([].concat(...list.map((part) => Array.from(part))));
    }
    slice(start, end) {
      return this.subarray(start, end);
    }
    equals(other) {
      return this.length === other.length && this.every((byte, i) => byte === other[i]);
    }
    toString(encoding, start = 0, end = this.length) {
      const part = this.subarray(start, end);
      switch (String(encoding ?? "utf8").toLowerCase()) {
        case "hex":
          return Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join("");
        case "base64":
          return toBase64(part);
        case "ascii":
          return toLatin1(part, 127);
        case "latin1":
        case "binary":
          return toLatin1(part, 255);
        default:
          return toUtf8(part);
      }
    }
    toJSON() {
      return { type: "Buffer", data: Array.from(this) };
    }
    readUIntBE(at, size) {
      let value = 0;
      for (let i = 0; i < size; i++) value = value * 256 + checked(this, at + i);
      return value;
    }
    readUIntLE(at, size) {
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = value * 256 + checked(this, at + i);
      return value;
    }
    readIntBE(at, size) {
      return signed(this.readUIntBE(at, size), size);
    }
    readIntLE(at, size) {
      return signed(this.readUIntLE(at, size), size);
    }
  }

  function checked(buffer, at) {
    if (!(at >= 0 && at < buffer.length)) {
      throw new RangeError(`The value of "offset" is out of range: ${at} of ${buffer.length} bytes`);
    }
    return buffer[at];
  }

  function signed(value, size) {
    const half = 2 ** (8 * size - 1);
    return value >= half ? value - 2 * half : value;
  }

  function define(name, method) {
    Object.defineProperty(Buffer.prototype, name, { value: method, writable: true, configurable: true });
    if (name.includes("UInt")) define(name.replace("UInt", "Uint"), method);
  }

  for (const order of ["BE", "LE"]) {
    const little = order === "LE";
    for (const bits of [8, 16, 32]) {
      const size = bits / 8;
      const suffix = bits === 8 ? "8" : bits + order;
      define("readUInt" + suffix, function (at = 0) {
        return this["readUInt" + order](at, size);
      });
      define("readInt" + suffix, function (at = 0) {
        return this["readInt" + order](at, size);
      });
      const write = function (value, at = 0) {
        for (let i = 0; i < size; i++) this[at + (little ? i : size - 1 - i)] = Math.floor(value / 256 ** i) & 255;
        return at + size;
      };
      define("writeUInt" + suffix, write);
      define("writeInt" + suffix, write);
    }
    for (const [name, method, size] of [["Float", "getFloat32", 4], ["Double", "getFloat64", 8]]) {
      define(`read${name}${order}`, function (at = 0) {
        checked(this, at + size - 1);
        return new DataView(this.buffer, this.byteOffset, this.byteLength)[method](at, little);
      });
    }
    for (const kind of ["BigUint64", "BigInt64"]) {
      const method = function (at = 0) {
        checked(this, at + 7);
        return new DataView(this.buffer, this.byteOffset, this.byteLength)["get" + kind](at, little);
      };
      define("read" + kind.replace("Uint", "UInt").replace("64", "64" + order), method);
    }
  }
  globalThis.Buffer = Buffer;

  // Called once the script has run, and returned to the hub: it is out of the script's reach.
  return function prepare(decode, encode, normalize) {
    const notes = (list) => (Array.isArray(list) ? list : list ? [list] : []).map(shown);
    const replace = (name, value) => (typeof value === "bigint" ? Number(value) : value);
    // Strings that were put together with `+` cannot always be handed over, so results are joined.
    const json = (value) => stringify(value, replace);

    function bytesOf(hex) {
      const bytes = new Array(hex.length / 2);
      for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.substr(2 * i, 2), 16);
      return bytes;
    }

    function normalized(data, input) {
      const found = normalize({ data, fPort: input.fPort, recvTime: input.recvTime });
      return {
        list: (Array.isArray(found?.data) ? found.data : [found?.data]).filter((one) => one && typeof one === "object"),
        warnings: [...notes(found?.warnings), ...notes(found?.errors)],
      };
    }

    // Of a measurement, its own time, or that of the message if it has one.
    function timed(measurement, ts) {
      const { time = ts, ...values } = measurement;
      return time ? { ts: time instanceof Date ? time.getTime() : time, values } : { values };
    }

    function uplink(hex, fPort, at, ts, variables) {
      const input = {
        bytes: bytesOf(hex),
        fPort,
        recvTime: new Date(ts || at),
        variables: variables ? JSON.parse(variables) : {},
      };
      const result = decode(input);
      if (result === null || typeof result !== "object") return ["?", json(result === undefined ? null : result)].join("");
      const { data, errors, warnings } = result;
      if (errors && notes(errors).length) return ["!", json(notes(errors))].join("");
      if (data === undefined || data === null) return ["?", json(result)].join("");
      const values = typeof data === "object" && !Array.isArray(data) ? data : { value: data };
      if (!normalize && !(warnings && warnings.length)) {
        return [ts ? `={"ts":${ts},"values":` : '={"values":', json(values), "}"].join("");
      }
      const more = normalize ? normalized(data, input) : { list: [], warnings: [] };
      const telemetry = [ts ? { ts, values } : { values }, ...more.list.map((one) => timed(one, ts))];
      return ["+", json({ json: json(telemetry), warnings: [...notes(warnings), ...more.warnings] })].join("");
    }

    function downlink(data) {
      const result = encode({ data: JSON.parse(data) });
      if (result === null || typeof result !== "object") return ["?", json(result === undefined ? null : result)].join("");
      if (result.errors && notes(result.errors).length) return ["!", json(notes(result.errors))].join("");
      const bytes = Array.from(result.bytes ?? []);
      return ["+", json({ json: json({ bytes, fPort: result.fPort ?? 1 }), warnings: notes(result.warnings) })].join("");
    }

    return function run(kind, payload, ...more) {
      if (kind === "console") return stringify(lines.splice(0));
      if (kind === "uplink") return decode ? uplink(payload, ...more) : "-decodeUplink, Decode or Decoder";
      return encode ? downlink(payload) : "-encodeDownlink";
    };
  };
})();
