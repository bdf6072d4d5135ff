"""A process of people in one room over WebSocket, who speak in turn; counts what each is shown and when."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.load.histogram import Histogram
from benchmarks.load.messages import now_us
from benchmarks.load.workers import reporting

AT_ONCE = 20
MARK = b"due "
"""What stands before the time in a text."""
DIGITS = 16
QUIET_S = 1.0
"""Without a message for so long, what has not come is lost."""


@dataclass(frozen=True)
class Company:
    """Who connects where. `room`: of the hub; without one the server is the tutorial's, and there are no tokens."""

    urls: list[str]
    """Person after person takes the next."""
    people: int
    room: int | None = None
    tokens: list[str] = field(default_factory=list)


@dataclass
class Heard:
    """`said`: messages sent; `shown`: how often one was shown to somebody; `notes`: what else people were told."""

    said: int = 0
    shown: int = 0
    latency: Histogram = field(default_factory=Histogram)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Talk:
    """`rate`: messages/s of all people together."""

    rate: float
    seconds: float


class Listener(WSListener):
    """One person. `ready` is done when all that is said from then on is shown to them."""

    def __init__(self, company: Company, crowd: Crowd) -> None:
        self._company, self._crowd = company, crowd
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._company.room is not None:
            for id, stream in (("inbox", "inbox"), ("room", f"room:{self._company.room}")):  # as a page does
                transport.send(WSMsgType.TEXT, json.dumps({"id": id, "type": "subscribe", "stream": stream}).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if payload.startswith((b'{"type":"message"', b'{"message"')):
            place = payload.find(MARK) + len(MARK)
            self._crowd.hear(int(payload[place : place + DIGITS]))
        elif payload.startswith(b'{"type":"ping"'):
            transport.send(WSMsgType.TEXT, b'{"type":"pong"}')
        elif payload.startswith((b'{"reply":"room","ok":true', b'{"type": "hello"')):
            self.ready.set_result(None)
        elif b'"ok":false' in payload or payload.startswith((b'{"type":"resync"', b'{"type":"error"')):
            self._crowd.heard.notes.append(payload.decode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._crowd.heard.notes.append("closed")
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(str(self._crowd.heard.notes)))


class Crowd:
    def __init__(self, company: Company) -> None:
        self.heard = Heard()
        self._company = company
        self._transports: list[WSTransport] = []
        self._hears = asyncio.Event()
        self._turn = 0

    def hear(self, due_us: int) -> None:
        self.heard.shown += 1
        self.heard.latency.add(now_us() - due_us, 1)
        self._hears.set()

    async def enter(self) -> None:
        limit = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*[self._enter_one(limit, i) for i in range(self._company.people)])

    async def _enter_one(self, limit: asyncio.Semaphore, i: int) -> None:
        company = self._company
        headers = {"Authorization": f"Bearer {company.tokens[i]}"} if company.tokens else {}
        async with limit:
            transport, listener = await ws_connect(
                lambda: Listener(company, self),
                company.urls[i % len(company.urls)],
                extra_headers=headers,
                websocket_handshake_timeout=60,
            )
            assert isinstance(listener, Listener)
            self._transports.append(transport)
            await asyncio.wait_for(listener.ready, 60)

    async def talk(self, orders: Talk) -> Heard:
        """Speaks at an even pace, whatever comes back; returns when all is shown, or nothing comes any more."""
        self.heard = Heard()
        loop = asyncio.get_running_loop()
        began, began_us = loop.time(), now_us()
        for i in range(round(orders.rate * orders.seconds)):
            due_s = i / orders.rate
            await asyncio.sleep(began + due_s - loop.time())
            self._say(b"%b%d: the pump is louder than it was" % (MARK, began_us + round(due_s * 1_000_000)))
        with suppress(TimeoutError):
            while self.heard.shown < self.heard.said * len(self._transports):
                self._hears.clear()
                async with asyncio.timeout(QUIET_S):
                    await self._hears.wait()
        return self.heard

    def _say(self, text: bytes) -> None:
        transport = self._transports[self._turn % len(self._transports)]
        self._turn += 1
        self.heard.said += 1
        if self._company.room is None:
            transport.send(WSMsgType.TEXT, b'{"message":"%b"}' % text)
        else:
            frame = b'{"id":%d,"type":"message","room":%d,"text":"%b","key":"turn-%d"}'
            transport.send(WSMsgType.TEXT, frame % (self._turn, self._company.room, text, self._turn))


def main(connection: Connection, company: Company) -> None:
    """Answers "ready" when all are in the room; then `Heard` to each `Talk`."""
    reporting(connection, lambda: asyncio.run(_run(connection, company)))


async def _run(connection: Connection, company: Company) -> None:
    crowd = Crowd(company)
    await crowd.enter()
    gc.freeze()
    connection.send("ready")
    while True:
        try:
            orders = await asyncio.to_thread(connection.recv)
        except EOFError:
            return
        connection.send(await crowd.talk(orders))
