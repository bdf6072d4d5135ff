"""A process of many viewers over WebSocket, which counts what each of them receives and when.

A Python client would be the bottleneck if it decoded each frame. All viewers are shown the same, so a frame is decoded
when it is seen first, and is known by its beginning afterwards. Of MQTT nothing is decoded but the first message of a
frame: all packets have the same length, so their number follows from the bytes.
"""

from __future__ import annotations

import asyncio
import gc
import json
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.load import messages, mqtt
from benchmarks.load.histogram import Histogram
from benchmarks.load.workers import reporting

ACK_EVERY = 4
"""Frames of the hub that are acknowledged together; its window is 32."""
KNOWN_BY = 40
"""Bytes from which on frames of the hub differ: `{"type":"telemetry","n":123456789`."""
GROUPS = 8
"""Of how many messages of a frame the latency is counted. The others count as old as the oldest of their group."""
CONCURRENT_CONNECTS = 20


@dataclass(frozen=True)
class Plan:
    """The target of the viewers. `protocol` is a key of `PROTOCOLS`; `subscribe` a stream or a topic filter."""

    protocol: str
    url: str
    viewers: int
    subscribe: str
    headers: dict[str, str] = field(default_factory=dict)
    topic: str = ""
    """MQTT: a topic, all of which are of the same length."""

    def of(self, viewers: int) -> Plan:
        return replace(self, viewers=viewers)


@dataclass
class Deliveries:
    """Deliveries to the viewers since the last collection. `merged`: readings that the hub reports as dropped."""

    delivered: int = 0
    merged: int = 0
    frames: int = 0
    closed: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def merge(self, other: Deliveries) -> None:
        self.delivered += other.delivered
        self.merged += other.merged
        self.frames += other.frames
        self.closed += other.closed
        self.latency.merge(other.latency)


class Viewer(WSListener):
    """One connection. `ready` is done when what is published from then on is shown to it."""

    def __init__(self, group: ViewerGroup) -> None:
        self.group = group
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.group.shown.closed += 1
        if not self.ready.done():
            self.ready.set_exception(RuntimeError("closed before it was subscribed"))


Seen = tuple[int, int, list[tuple[int, int]]]
"""Readings, merged ones, and (due, number of readings) for each group of readings."""


class HubViewer(Viewer):
    _unacknowledged = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        request = {"id": 1, "type": "subscribe", "stream": self.group.plan.subscribe}
        transport.send(WSMsgType.TEXT, json.dumps(request).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_memoryview()
        beginning = bytes(payload[:KNOWN_BY])
        seen = self.group.seen.get(beginning)
        if seen is None:
            seen = self._look(transport, beginning, bytes(payload))
            if seen is None:
                return
        self.group.show(*seen)
        self._unacknowledged += 1
        if self._unacknowledged >= ACK_EVERY:
            self._unacknowledged = 0
            n = beginning[24 : beginning.index(b",", 24)]
            transport.send(WSMsgType.TEXT, b'{"type":"ack","n":%b}' % n)

    def _look(self, transport: WSTransport, beginning: bytes, payload: bytes) -> Seen | None:
        """A telemetry frame that nobody has seen yet; all others are dealt with here."""
        if beginning.startswith(b'{"type":"telemetry"'):
            seen = self.group.seen[beginning] = read_telemetry(payload)
            return seen
        decoded = msgspec.json.decode(payload)
        if decoded.get("type") == "ping":
            transport.send(WSMsgType.TEXT, b'{"type":"pong"}')
        elif decoded.get("reply") == 1:
            if decoded["ok"]:
                self.ready.set_result(None)
            else:
                self.ready.set_exception(RuntimeError(str(decoded["error"])))
        elif decoded.get("type") in ("resync", "error"):
            self.group.notes.append(payload.decode())
        return None


def read_telemetry(payload: bytes) -> Seen:
    frame: dict[str, Any] = msgspec.json.decode(payload)
    due = sorted(point[1] for metrics in frame["devices"].values() for point in metrics[messages.METRIC])
    step = -(-len(due) // GROUPS) or 1
    groups = [(due[i], len(due[i : i + step])) for i in range(0, len(due), step)]
    return len(due), frame.get("dropped", 0), groups


class MqttViewer(Viewer):
    """Over a stream of packets of one length, wherever the frames cut it."""

    def __init__(self, group: ViewerGroup) -> None:
        super().__init__(group)
        whole = mqtt.publish(group.plan.topic, bytes(messages.LENGTH))
        self._length, self._head = len(whole), len(whole) - messages.LENGTH
        self._bytes = 0
        self._due = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.BINARY, mqtt.connect(f"viewer-{id(self)}"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.BINARY:
            return
        if not self.ready.done():
            kind = frame.get_payload_as_bytes()[0] & 0xF0
            if kind == mqtt.SUBACK_TYPE:
                self.ready.set_result(None)
            else:
                transport.send(WSMsgType.BINARY, mqtt.subscribe(self.group.plan.subscribe))
            return
        length, before = self._length, self._bytes
        self._bytes = after = before + frame.payload_size
        first = -before % length
        if first + length <= frame.payload_size:
            self._due = messages.due_us(frame.get_payload_as_memoryview(), first + self._head)
        count = after // length - before // length
        self.group.show(count, 0, [(self._due, count)])


class TutorialViewer(Viewer):
    """A frame a message, with the payload in it."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        pass  # its consumer greets when it is in the group

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if not self.ready.done():
            self.ready.set_result(None)
        else:
            self.group.show(1, 0, [(int(payload[payload.index(b'"v": ') + 5 :][: messages.DIGITS]), 1)])


PROTOCOLS: dict[str, type[Viewer]] = {"hub": HubViewer, "mqtt": MqttViewer, "tutorial": TutorialViewer}


class ViewerGroup:
    """All viewers of the process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.shown = Deliveries()
        self.seen: dict[bytes, Seen] = {}
        self.notes: list[str] = []
        self._viewers: list[tuple[WSTransport, Viewer]] = []

    def show(self, count: int, merged: int, groups: list[tuple[int, int]]) -> None:
        shown, now = self.shown, messages.now_us()
        shown.frames += 1
        shown.delivered += count
        shown.merged += merged
        for due, weight in groups:
            shown.latency.add(now - due, weight)

    async def enter(self) -> None:
        limit = asyncio.Semaphore(CONCURRENT_CONNECTS)
        await asyncio.gather(*[self._enter_one(limit) for _ in range(self.plan.viewers)])

    async def _enter_one(self, limit: asyncio.Semaphore) -> None:
        plan = self.plan
        headers = dict(plan.headers)
        if plan.protocol == "mqtt":
            headers["Sec-WebSocket-Protocol"] = "mqtt"
        async with limit:
            transport, viewer = await ws_connect(
                lambda: PROTOCOLS[plan.protocol](self),
                plan.url,
                extra_headers=headers,
                websocket_handshake_timeout=60,
                max_frame_size=64 << 20,
            )
            assert isinstance(viewer, Viewer)
            self._viewers.append((transport, viewer))
            await asyncio.wait_for(viewer.ready, 60)

    def collect(self) -> tuple[Deliveries, list[str]]:
        """The deliveries since the last time, and the frames that reported losses or errors."""
        collected = self.shown, self.notes
        self.shown, self.notes, self.seen = Deliveries(), [], {}
        return collected


def main(connection: Connection, plan: Plan) -> None:
    """Answers "ready" when all are subscribed; then a number to "count", and `(Deliveries, notes)` to "collect"."""
    reporting(connection, lambda: asyncio.run(_run(connection, plan)))


async def _run(connection: Connection, plan: Plan) -> None:
    group = ViewerGroup(plan)
    await group.enter()
    gc.freeze()
    connection.send("ready")
    gone = asyncio.Event()

    def answer() -> None:
        try:
            order = connection.recv()
        except EOFError:
            gone.set()
            return
        if order == "count":
            connection.send(group.shown.delivered + group.shown.merged)
        else:
            connection.send(group.collect())

    asyncio.get_running_loop().add_reader(connection.fileno(), answer)
    await gone.wait()
