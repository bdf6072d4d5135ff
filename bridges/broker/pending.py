"""A message on its way through the sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bridges.mqtt.packets import PublishPacket


class Order(Protocol):
    """Where the message has its place among the acknowledgements of a connection."""

    def advance(self) -> None: ...


class Pending:
    """A message that the sink has, or the repeat of one. It is finished once `done` is called."""

    __slots__ = ("_order", "_payload", "_then", "_topic", "finished", "packet_id", "qos", "size")

    def __init__(self, order: Order, publish: PublishPacket) -> None:
        self._order = order
        self._then: Callable[[], None] | None = None
        self._topic, self._payload = publish.topic, publish.payload
        self.packet_id, self.qos = publish.packet_id, publish.qos
        self.size = len(self._topic) + len(self._payload)
        self.finished = False

    def done(self) -> None:
        self.finished = True
        self._payload = b""  # one of QoS 2 stays until it is released
        self._order.advance()
        if self._then is not None:
            self._then()

    def holds(self, publish: PublishPacket) -> bool:
        """Whether this is the message that is sent: a client that has lost its state may reuse an id."""
        return self._topic == publish.topic and self._payload == publish.payload

    def is_of(self, order: Order) -> bool:
        return self._order is order

    def repeated_by(self, repeat: Pending) -> None:
        """The client has sent it again on a new connection, and waits there."""
        if self.finished:
            repeat.done()
        else:
            self._then = repeat.done
