"""A process of people in one room over WebSocket, who send messages in turn; it counts what each receives and when."""

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

CONCURRENT_CONNECTS = 20
TIME_MARK = b"due "
"""Precedes the time in a text."""
DIGITS = 16
QUIET_S = 1.0
"""Without a message for so long, what has not come is lost."""


@dataclass(frozen=True)
class RoomPlan:
    """The people of a room and their addresses.

    `room`: of the hub; without one the server is the tutorial's, and there are no tokens.
    """

    urls: list[str]
    """Each person connects to the next."""
    people: int
    room: int | None = None
    tokens: list[str] = field(default_factory=list)


@dataclass
class ChatDeliveries:
    """`sent`: messages; `delivered`: how often one reached somebody; `complaints`: frames that reported a problem."""

    sent: int = 0
    delivered: int = 0
    latency: Histogram = field(default_factory=Histogram)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ChatOrder:
    """`rate`: messages/s of all people together."""

    rate: float
    seconds: float


class RoomClient(WSListener):
    """One person. `ready` is done when all that is sent from then on is delivered to them."""

    def __init__(self, plan: RoomPlan, clients: RoomClients) -> None:
        self._plan, self._clients = plan, clients
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._plan.room is not None:
            for id, stream in (("inbox", "inbox"), ("room", f"room:{self._plan.room}")):  # as a page does
                transport.send(WSMsgType.TEXT, json.dumps({"id": id, "type": "subscribe", "stream": stream}).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if payload.startswith((b'{"type":"message"', b'{"message"')):
            place = payload.find(TIME_MARK) + len(TIME_MARK)
            self._clients.count_delivery(int(payload[place : place + DIGITS]))
        elif payload.startswith(b'{"type":"ping"'):
            transport.send(WSMsgType.TEXT, b'{"type":"pong"}')
        elif payload.startswith((b'{"reply":"room","ok":true', b'{"type": "hello"')):
            self.ready.set_result(None)
        elif b'"ok":false' in payload or payload.startswith((b'{"type":"resync"', b'{"type":"error"')):
            self._clients.deliveries.complaints.append(payload.decode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._clients.deliveries.complaints.append("closed")
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(str(self._clients.deliveries.complaints)))


class RoomClients:
    def __init__(self, plan: RoomPlan) -> None:
        self.deliveries = ChatDeliveries()
        self._plan = plan
        self._transports: list[WSTransport] = []
        self._delivered = asyncio.Event()
        self._next = 0

    def count_delivery(self, due_us: int) -> None:
        self.deliveries.delivered += 1
        self.deliveries.latency.add(now_us() - due_us, 1)
        self._delivered.set()

    async def enter(self) -> None:
        limit = asyncio.Semaphore(CONCURRENT_CONNECTS)
        await asyncio.gather(*[self._enter_one(limit, i) for i in range(self._plan.people)])

    async def _enter_one(self, limit: asyncio.Semaphore, i: int) -> None:
        plan = self._plan
        headers = {"Authorization": f"Bearer {plan.tokens[i]}"} if plan.tokens else {}
        async with limit:
            transport, listener = await ws_connect(
                lambda: RoomClient(plan, self),
                plan.urls[i % len(plan.urls)],
                extra_headers=headers,
                websocket_handshake_timeout=60,
            )
            assert isinstance(listener, RoomClient)
            self._transports.append(transport)
            await asyncio.wait_for(listener.ready, 60)

    async def send_all(self, orders: ChatOrder) -> ChatDeliveries:
        """Sends at an even pace, whatever comes back; returns when all is delivered, or nothing comes any more."""
        self.deliveries = ChatDeliveries()
        loop = asyncio.get_running_loop()
        began, began_us = loop.time(), now_us()
        for i in range(round(orders.rate * orders.seconds)):
            due_s = i / orders.rate
            await asyncio.sleep(began + due_s - loop.time())
            self._send(b"%b%d: the pump is louder than it was" % (TIME_MARK, began_us + round(due_s * 1_000_000)))
        with suppress(TimeoutError):
            while self.deliveries.delivered < self.deliveries.sent * len(self._transports):
                self._delivered.clear()
                async with asyncio.timeout(QUIET_S):
                    await self._delivered.wait()
        return self.deliveries

    def _send(self, text: bytes) -> None:
        transport = self._transports[self._next % len(self._transports)]
        self._next += 1
        self.deliveries.sent += 1
        if self._plan.room is None:
            transport.send(WSMsgType.TEXT, b'{"message":"%b"}' % text)
        else:
            frame = b'{"id":%d,"type":"message","room":%d,"text":"%b","key":"turn-%d"}'
            transport.send(WSMsgType.TEXT, frame % (self._next, self._plan.room, text, self._next))


def main(connection: Connection, plan: RoomPlan) -> None:
    """Answers "ready" when all are in the room; then `ChatDeliveries` to each `ChatOrder`."""
    reporting(connection, lambda: asyncio.run(_run(connection, plan)))


async def _run(connection: Connection, plan: RoomPlan) -> None:
    clients = RoomClients(plan)
    await clients.enter()
    gc.freeze()
    connection.send("ready")
    while True:
        try:
            orders = await asyncio.to_thread(connection.recv)
        except EOFError:
            return
        connection.send(await clients.send_all(orders))
