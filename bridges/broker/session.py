"""One MQTT session: its subscriptions, its queue and what is in flight. It outlives connections when persistent."""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol

from .accounts import Principal
from .limits import MAX_PACKET_ID, SessionLimits
from .packets import DUP, PUBLISH, QOS, RETAIN, Message, publish_packet
from .pending import Pending
from .report import Report
from .stats import DROPPED

PACKETS_PER_PUMP = 200  # then others get their turn of the event loop


class Outlet(Protocol):
    """The connection that a session is delivered to."""

    writable: bool

    def send(self, packet: bytes) -> None: ...
    def close(self, reason: str) -> None: ...
    def pump_soon(self) -> None: ...


class Pool:
    """What several queues hold together, in bytes, and how much they may."""

    __slots__ = ("bytes", "held")

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.held = 0


class Session:
    """Kept under (account, client id), so that nobody reaches another account's session by naming its client id."""

    __slots__ = (
        "_held_bytes",
        "_last_id",
        "_pool",
        "_queue",
        "_report",
        "_stats",
        "clean",
        "client_id",
        "in_flight",
        "limits",
        "outlet",
        "principal",
        "received",
        "subscriptions",
        "unacknowledged",
    )

    def __init__(
        self, principal: Principal, client_id: str, pool: Pool, *, clean: bool, stats: Counter[str], report: Report
    ) -> None:
        self.principal = principal
        self.client_id = client_id
        self.clean = clean
        self.limits = SessionLimits()
        self.outlet: Outlet | None = None
        self.subscriptions: dict[str, int] = {}
        self.in_flight: dict[int, tuple[int, Message]] = {}
        # By packet id, kept beyond the connection: QoS 2 messages not yet released, QoS 1 that the sink has. What the
        # client sends again of them is not taken twice.
        self.received: dict[int, Pending] = {}
        self.unacknowledged: dict[int, Pending] = {}
        self._queue: deque[tuple[int, Message, int]] = deque()  # first byte, message, packet id of a repeat or 0
        self._held_bytes = 0  # of the queue and in flight
        self._pool = pool
        self._last_id = 0
        self._stats = stats
        self._report = report

    @property
    def queued(self) -> int:
        return len(self._queue)

    def attach(self, outlet: Outlet, principal: Principal, limits: SessionLimits) -> None:
        """Delivers to a new connection, first what the last one did not acknowledge."""
        self.outlet, self.principal, self.limits = outlet, principal, limits
        repeats = [(first | DUP, message, packet_id) for packet_id, (first, message) in self.in_flight.items()]
        self.in_flight.clear()
        self._queue.extendleft(reversed(repeats))
        outlet.pump_soon()

    def detach(self) -> None:
        self.outlet = None

    def empty(self) -> None:
        """Gives up what it holds: the session ends."""
        self._release(self._held_bytes)
        self._queue.clear()
        self.in_flight.clear()

    def deliver(self, message: Message, qos: int, *, retained: bool = False) -> None:
        """Sends the message with at most `qos` (0 or 1), now or when there is room; at the bounds it is dropped."""
        if message.qos < qos:
            qos = message.qos
        first = PUBLISH << 4 | qos << 1 | (RETAIN if retained else 0)
        outlet = self.outlet
        if outlet is None and not qos:
            self._drop(qos)
        elif self._queue or outlet is None or not outlet.writable:
            self._enqueue(first, message)
        elif not qos:
            self._stats["delivered_messages"] += 1
            outlet.send(publish_packet(first, message, 0))
        elif len(self.in_flight) >= self.limits.in_flight or not self._has_room(message):
            self._enqueue(first, message)
        else:
            self._hold(message.size)
            self._send(outlet, first, message, self._next_id())

    def acknowledge(self, packet_id: int) -> None:
        """An acknowledgement of what is not in flight is ignored: it may belong to the time before a reconnect."""
        done = self.in_flight.pop(packet_id, None)
        if done is not None:
            self._release(done[1].size)
            if self._queue:
                self.pump()

    def pump(self) -> None:
        """Sends from the queue as far as the window and the connection take it."""
        queue, outlet = self._queue, self.outlet
        if outlet is None:
            return
        for _ in range(PACKETS_PER_PUMP):
            if not queue or not outlet.writable:
                return
            first, message, packet_id = queue[0]
            if first & QOS and len(self.in_flight) >= self.limits.in_flight:
                return
            queue.popleft()
            if first & QOS:
                packet_id = packet_id or self._next_id()
            else:
                self._release(message.size)
            self._send(outlet, first, message, packet_id)
        outlet.pump_soon()

    def _send(self, outlet: Outlet, first: int, message: Message, packet_id: int) -> None:
        if packet_id:
            self.in_flight[packet_id] = first & ~DUP, message
        self._stats["redelivered_messages" if first & DUP else "delivered_messages"] += 1
        outlet.send(publish_packet(first, message, packet_id))

    def _enqueue(self, first: int, message: Message) -> None:
        if len(self._queue) < self.limits.queue_messages and self._has_room(message):
            self._hold(message.size)
            self._queue.append((first, message, 0))
        else:
            self._drop(first & QOS)

    def _has_room(self, message: Message) -> bool:
        pool = self._pool
        return self._held_bytes + message.size <= self.limits.queue_bytes and pool.held + message.size <= pool.bytes

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self._pool.held += size

    def _release(self, size: int) -> None:
        self._held_bytes -= size
        self._pool.held -= size

    def _drop(self, qos: int) -> None:
        reason = f"{'slow' if self.outlet is not None else 'offline'}_qos{1 if qos else 0}"
        self._stats[f"dropped.{reason}"] += 1
        if reason != "offline_qos0":  # which is what the client asked for
            self._report.warn(reason, "A message for %r is dropped: %s", self.principal.name, DROPPED[reason])

    def _next_id(self) -> int:
        packet_id = self._last_id
        while True:
            packet_id = packet_id % MAX_PACKET_ID + 1
            if packet_id not in self.in_flight:
                self._last_id = packet_id
                return packet_id
