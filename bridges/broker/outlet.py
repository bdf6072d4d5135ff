"""What a session needs of others: the connection that it is delivered to, and room for what waits."""

from __future__ import annotations

from typing import Protocol

from bridges.mqtt.packets import Packet


class Outlet(Protocol):
    """The connection that a session is delivered to."""

    writable: bool

    def send_message(self, packet: Packet) -> bool:
        """False: it is larger than the client accepts, and was not sent."""

    def close(self, reason: str) -> None: ...
    def pump_soon(self) -> None: ...


class Pool:
    """The bytes that several queues hold together, and the most they may hold."""

    __slots__ = ("bytes", "held")

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.held = 0
