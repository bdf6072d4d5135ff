"""Messages that a connection publishes with QoS 1 or 2, from their arrival to their acknowledgement."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from bridges.mqtt.packets import Packet, PubAckPacket, PublishPacket, PubRecPacket, ReasonCode, Version, puback, pubrec

from .errors import ProtocolError
from .limits import Limits
from .load import Load
from .pending import Pending
from .session import Session
from .sink import NoSink, Sink, Unaccepted

_EMPTY: deque[Pending] = deque(maxlen=0)  # of every client that has published nothing yet: a deque takes 700 bytes


class PublishingConnection(Protocol):
    """The connection that the messages come from."""

    closing: bool
    wants_reasons: bool

    @property
    def version(self) -> Version: ...

    def send(self, packet: Packet) -> None: ...
    def send_bytes(self, data: bytes) -> None: ...
    def pause_intake(self) -> None: ...
    def resume_intake(self) -> None: ...


@dataclass(slots=True)
class Inlet:
    """The state that all intakes of a broker share. `paused`: the sink has enough for now."""

    sink: Sink = field(default_factory=NoSink)
    paused: bool = False
    _loads: WeakValueDictionary[str, Load] = field(default_factory=WeakValueDictionary)

    def load_of(self, account: str) -> Load:
        """It is kept for as long as one of the account's intakes, or of their messages."""
        load = self._loads.get(account)
        if load is None:
            load = self._loads[account] = Load()
        return load


class Intake:
    """Acknowledges in the order of arrival, as MQTT asks, in whatever order the sink is done.

    The connections of an account with more than `Limits.sink_messages` or `sink_bytes` at the sink are not read until
    there is room; while the inlet is paused, neither is one with anything there.
    """

    __slots__ = ("_counts", "_held", "_inlet", "_limits", "_load", "_open_messages", "_publisher", "_queue", "_session")

    def __init__(self, publisher: PublishingConnection, session: Session, inlet: Inlet, limits: Limits) -> None:
        self._publisher = publisher
        self._session = session
        self._inlet = inlet
        self._limits = limits
        self._queue = _EMPTY
        self._load = inlet.load_of(session.principal.name)
        self._counts = publisher.version is Version.V5  # before that, clients have no receive maximum
        self._open_messages = 0  # received on this connection, and not completed in the way of their QoS
        self._held = False

    def expect(self, publish: PublishPacket) -> Pending | None:
        """A place in the order of acknowledgements. None: the message is a repeat, and the sink has it already.

        Raises `ProtocolError` for too many open messages.
        """
        known = self._known(publish)
        if known is not None and known.is_of(self):
            if not (known.finished and publish.qos == 2):
                return None  # it is answered in its turn
        elif self._counts:
            self._count_open()
        pending = Pending(self, publish)
        if self._queue is _EMPTY:
            self._queue = deque()
        self._queue.append(pending)
        self._load.add(pending.size)
        self._open(publish.qos)[publish.packet_id] = pending
        if known is None:
            return pending
        known.repeated_by(pending)
        return None

    def check_room(self) -> None:
        """Stops reading where the sink has enough of this account, or of all."""
        if not self._held and not self._has_room():
            self._held = True
            self._load.waiters.add(self)
            self._publisher.pause_intake()

    def advance(self) -> None:
        """Acknowledges what is done up to the first message that is not."""
        queue, publisher = self._queue, self._publisher
        while queue and queue[0].finished:
            pending = queue.popleft()
            self._load.remove(pending.size)
            if pending.qos == 1:
                self._forget(pending)
            else:
                self._session.note_change()
            if publisher.closing:
                continue
            if pending.unaccepted is None:
                publisher.send_bytes((puback if pending.qos == 1 else pubrec)(pending.packet_id))
            else:
                self._acknowledge(pending, pending.unaccepted)
        if self._load.waiters:
            self._load.call_waiters()

    def release(self, packet_id: int) -> bool:
        """PUBREL. Whether a message of QoS 2 is open under this id; it no longer is."""
        released = self._session.received.pop(packet_id, None)
        self._session.note_change()
        if released is not None and released.is_of(self):
            self._open_messages -= 1
        return released is not None

    def go_on(self) -> None:
        """Reads again where there is room."""
        if self._held and self._has_room():
            self._held = False
            self._load.waiters.discard(self)
            self._publisher.resume_intake()

    def _has_room(self) -> bool:
        limits, load = self._limits, self._load
        if self._inlet.paused:
            return not self._queue
        return load.messages < limits.sink_messages and load.bytes < limits.sink_bytes

    def _known(self, publish: PublishPacket) -> Pending | None:
        """The message that this one repeats, if it does."""
        known = self._open(publish.qos).get(publish.packet_id)
        if publish.qos == 1:
            return known if known is not None and publish.dup and known.holds(publish) else None
        if known is None and len(self._session.received) >= self._limits.receive_maximum:
            raise ProtocolError("too_many_in_flight")
        return known

    def _open(self, qos: int) -> dict[int, Pending]:
        return self._session.unacknowledged if qos == 1 else self._session.received

    def _count_open(self) -> None:
        self._open_messages += 1
        if self._open_messages > self._limits.receive_maximum:
            raise ProtocolError("too_many_in_flight")

    def _acknowledge(self, pending: Pending, unaccepted: Unaccepted) -> None:
        """With the reason why it was not accepted, if the client's version of MQTT has reasons."""
        publisher, packet_id = self._publisher, pending.packet_id
        # Subscribers may have the message, where only the sink expects nothing on this topic.
        is_delivered = pending.delivered and unaccepted.code is ReasonCode.TOPIC_NAME_INVALID
        if is_delivered or publisher.version is not Version.V5:
            publisher.send_bytes((puback if pending.qos == 1 else pubrec)(packet_id))
            return
        if pending.qos == 2:
            self.release(packet_id)  # a refusal ends the exchange
        kind = PubAckPacket if pending.qos == 1 else PubRecPacket
        publisher.send(kind(packet_id, unaccepted.code, unaccepted.text if publisher.wants_reasons else None))

    def _forget(self, pending: Pending) -> None:
        self._open_messages -= 1
        unacknowledged = self._session.unacknowledged
        if unacknowledged.get(pending.packet_id) is pending:
            del unacknowledged[pending.packet_id]
