"""The messages that a device has to send, in order of urgency."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from bridges.simulator.backlog import Backlog

WINDOW = 8
"""Messages that may be unacknowledged at a time; the rest waits here and in the backlog, which are bounded."""
URGENT_LIMIT = 256
"""Answers and status messages that may wait for the window. Past it the oldest are dropped: the hub lets a command
without an answer time out."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to publish with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Publisher(Protocol):
    """The part of `PahoConnection` that an outbox needs."""

    up: bool

    def publish(self, message: OutgoingMessage) -> asyncio.Future[None]:
        """The future is done when the broker acknowledges."""


class DeviceOutbox:
    """Sends urgent messages first, then the backlog, with at most `WINDOW` messages unacknowledged."""

    def __init__(self, connection: Publisher, backlog: Backlog, telemetry_topic: str) -> None:
        self._connection, self._backlog, self._telemetry_topic = connection, backlog, telemetry_topic
        self._urgent: deque[OutgoingMessage] = deque(maxlen=URGENT_LIMIT)
        self._in_flight = 0

    def put(self, *messages: OutgoingMessage) -> None:
        """Sends messages before any telemetry. A message equal to one that is still waiting is sent once."""
        self._urgent.extend(message for message in messages if message not in self._urgent)
        self.flush()

    def flush(self) -> None:
        """Sends as many messages as the window has room for; none while the connection is down."""
        while self._connection.up and self._in_flight < WINDOW and (message := self._next()):
            self._in_flight += 1
            self._connection.publish(message).add_done_callback(self._acknowledged)

    def _next(self) -> OutgoingMessage | None:
        if self._urgent:
            return self._urgent.popleft()
        return OutgoingMessage(self._telemetry_topic, self._backlog.pop_payload()) if self._backlog else None

    def _acknowledged(self, _done: asyncio.Future[None]) -> None:
        self._in_flight -= 1
        self.flush()
