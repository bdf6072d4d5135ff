// A WebSocket whose other end is the test.

export class FakeSocket {
  static opened = [];

  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = url;
    FakeSocket.opened.push(this);
  }

  static reset() {
    FakeSocket.opened = [];
  }

  static get newest() {
    return FakeSocket.opened.at(-1);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  // What the test does in the hub's place:

  accept() {
    this.readyState = 1;
    this.push({ type: "welcome", user: "alice", time: 0, limits: {} });
  }

  push(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  reply(result, { to = this.sent.at(-1).id } = {}) {
    this.push({ reply: to, ok: true, result });
  }

  refuse(code, { retry = false, to = this.sent.at(-1).id } = {}) {
    this.push({ reply: to, ok: false, error: { code, message: `refused: ${code}`, retry } });
  }

  hangUp(code) {
    this.readyState = 3;
    this.onclose({ code });
  }
}
