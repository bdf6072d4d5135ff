"""A message on its way through the sink."""

from __future__ import annotations

from typing import Protocol

from bridges.mqtt.packets import PublishPacket

from .sink import Done, Unaccepted


class Order(Protocol):
    """Where the message has its place among the acknowledgements of a connection."""

    def advance(self) -> None: ...


class Pending:
    """A message that the sink has, or the repeat of one. It is finished once `done` is called."""

    __slots__ = (
        "_order",
        "_payload",
        "_then",
        "_topic",
        "delivered",
        "finished",
        "packet_id",
        "qos",
        "size",
        "unaccepted",
    )

    def __init__(self, order: Order, publish: PublishPacket) -> None:
        self._order = order
        self._then: Done | None = None
        self._topic, self._payload = publish.topic, publish.payload
        self.packet_id, self.qos = publish.packet_id, publish.qos
        self.size = len(self._topic) + len(self._payload)
        self.delivered = False  # to sessions that have subscribed
        self.finished = False
        self.unaccepted: Unaccepted | None = None

    def done(self, unaccepted: Unaccepted | None = None) -> None:
        if not self.finished:
            self.finished, self.unaccepted = True, unaccepted
        if self.qos == 2:  # which stays until it is released, and is known by its packet id alone
            self._payload = b""
        self._order.advance()
        if self._then is not None:
            self._then(self.unaccepted)

    def holds(self, publish: PublishPacket) -> bool:
        """Whether this is the message that is sent: a client that has lost its state may reuse an id."""
        return self._topic == publish.topic and self._payload == publish.payload

    def is_of(self, order: Order) -> bool:
        return self._order is order

    def repeated_by(self, repeat: Pending) -> None:
        """The client has sent it again on a new connection, and waits there."""
        if self.finished:
            repeat.done(self.unaccepted)
        else:
            self._then = repeat.done


class _Nowhere:
    """The order of a connection of an earlier run of the broker."""

    def advance(self) -> None:
        pass


def finished_before(packet_id: int) -> Pending:
    """A message of QoS 2 that an earlier run of the broker has accepted, and whose client has not released it."""
    pending = Pending(_Nowhere(), PublishPacket("", b"", 2, packet_id=packet_id))
    pending.finished = True
    return pending
