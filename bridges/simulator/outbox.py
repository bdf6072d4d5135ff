"""What a device has to say, in the order in which it may go out."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from bridges.simulator.backlog import Backlog

WINDOW = 8
"""Messages that may wait for the broker's acknowledgement; the rest stays where it is bounded and counted."""
URGENT_LIMIT = 256
"""Answers and status messages that wait for a place in the window. The oldest give way: the hub lets a command
without an answer time out."""


@dataclass(frozen=True, slots=True)
class Message:
    """To be published with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Publisher(Protocol):
    """A connection, as `Link` is one."""

    up: bool

    def publish(self, message: Message) -> asyncio.Future[None]:
        """The future is done at the broker's acknowledgement."""


class Outbox:
    """Urgent messages first, then the backlog, never more than `WINDOW` unacknowledged."""

    def __init__(self, link: Publisher, backlog: Backlog, telemetry_topic: str) -> None:
        self._link, self._backlog, self._telemetry_topic = link, backlog, telemetry_topic
        self._urgent: deque[Message] = deque(maxlen=URGENT_LIMIT)
        self._in_flight = 0

    def put(self, *messages: Message) -> None:
        """Send before any telemetry; once, if the same message is waiting still."""
        self._urgent.extend(message for message in messages if message not in self._urgent)
        self.flush()

    def flush(self) -> None:
        """Send what the window has room for. Nothing happens while the connection is down."""
        while self._link.up and self._in_flight < WINDOW and (message := self._next()):
            self._in_flight += 1
            self._link.publish(message).add_done_callback(self._acknowledged)

    def _next(self) -> Message | None:
        if self._urgent:
            return self._urgent.popleft()
        return Message(self._telemetry_topic, self._backlog.take()) if self._backlog else None

    def _acknowledged(self, _done: asyncio.Future[None]) -> None:
        self._in_flight -= 1
        self.flush()
