"""One MQTT session: its subscriptions, its queue and what is in flight. It outlives connections when persistent."""

from __future__ import annotations

from collections import Counter, deque
from math import inf
from time import monotonic

from .authentication import Principal, may_receive
from .grants import Grant
from .journal import Journal
from .limits import MAX_PACKET_ID, SessionLimits
from .outlet import Outlet, Pool
from .pending import Pending
from .publication import RELEASED, Outgoing, Publication
from .stats import DROPPED
from .throttled_log import ThrottledLog

PACKETS_PER_PUMP = 200  # then others get their turn of the event loop
_EMPTY: deque[Outgoing] = deque(
    maxlen=0
)  # for all sessions with nothing queued: a deque is larger than the rest of one


class Session:
    """Kept under (account, client id), so that nobody reaches another account's session by naming its client id.

    `expiry_s`: how long it outlives its connection, which ended at `left_at` of the monotonic clock. `window`: messages
    of QoS 1 and 2 that may be unacknowledged. `journal`, if it outlives the process as well, records what
    changes, under `number`.
    """

    __slots__ = (
        "_held_bytes",
        "_last_number",
        "_next_expiry",
        "_pool",
        "_queue",
        "_stats",
        "_warnings",
        "client_id",
        "expiry_s",
        "in_flight",
        "journal",
        "last_id",
        "left_at",
        "limits",
        "number",
        "outlet",
        "principal",
        "received",
        "subscriptions",
        "unacknowledged",
        "window",
    )

    def __init__(
        self,
        principal: Principal,
        client_id: str,
        pool: Pool,
        *,
        stats: Counter[str],
        warnings: ThrottledLog,
    ) -> None:
        self.principal = principal
        self.client_id = client_id
        self.expiry_s = 0
        self.left_at: float | None = None  # while its client is offline
        self.limits = SessionLimits()
        self.window = self.limits.in_flight
        self.outlet: Outlet | None = None
        self.subscriptions: dict[str, Grant] = {}
        self.in_flight: dict[int, Outgoing] = {}
        # By packet id, kept beyond the connection: QoS 2 messages not yet released, QoS 1 that the sink has. What the
        # client sends again of them is not accepted twice.
        self.received: dict[int, Pending] = {}
        self.unacknowledged: dict[int, Pending] = {}
        self._queue = _EMPTY
        self._held_bytes = 0  # of the queue and in flight
        self._next_expiry = inf  # no publication in the queue expires earlier
        self._pool = pool
        self.last_id = 0
        self._last_number = 0
        self.number = 0
        self.journal: Journal | None = None
        self._stats = stats
        self._warnings = warnings

    @property
    def key(self) -> tuple[str, str]:
        return self.principal.name, self.client_id

    @property
    def queued(self) -> int:
        return len(self._queue)

    def attach(
        self, outlet: Outlet, principal: Principal, limits: SessionLimits, receive_maximum: int = MAX_PACKET_ID
    ) -> None:
        """Delivers to a new connection, first what the last one did not acknowledge."""
        self.outlet, self.principal, self.limits = outlet, principal, limits
        self.left_at = None
        self.window = min(limits.in_flight, receive_maximum)
        repeats = list(self.in_flight.values())
        for repeat in repeats:
            repeat.dup = True
        self.in_flight.clear()
        self._queue = deque([*repeats, *self._queue]) if repeats or self._queue else _EMPTY
        self._next_expiry = 0.0  # the repeats are not looked at before the queue is full
        outlet.pump_soon()

    def detach(self) -> None:
        self.outlet = None
        self.left_at = monotonic()

    def note_change(self) -> None:
        """Something other than its messages has changed."""
        if self.journal is not None:
            self.journal.session(self.number)

    def empty(self) -> None:
        """Gives up what it holds: the session ends."""
        self._release(self._held_bytes)
        self._queue = _EMPTY
        self.in_flight.clear()

    def deliver(
        self, publication: Publication, qos: int, subscription_ids: tuple[int, ...] = (), *, retain: bool = False
    ) -> None:
        """Sends the message with at most `qos`, now or when there is room; at the bounds it is dropped."""
        outgoing = Outgoing(publication, min(qos, publication.qos), retain, subscription_ids)
        outlet = self.outlet
        if outlet is None and not outgoing.qos:
            self._drop(0)
        elif self._queue or outlet is None or not outlet.writable:
            self._enqueue(outgoing)
        elif not outgoing.qos:
            self._send(outlet, outgoing)
        elif len(self.in_flight) >= self.window or not self._has_room(publication):
            self._enqueue(outgoing)
        else:
            self._admit(outgoing)
            self._send(outlet, outgoing)

    def has_room(self, publication: Publication) -> bool:
        """Whether it would send or keep the message, and not drop it."""
        return (self.outlet is not None or publication.qos > 0) and self._fits(publication)

    def acknowledge(self, packet_id: int) -> None:
        """PUBACK. That of a message that is not in flight is ignored: it may belong to the time before a reconnect."""
        delivered = self.in_flight.get(packet_id)
        if delivered is not None and delivered.qos == 1:
            self._finish(delivered)

    def mark_received(self, packet_id: int, *, refused: bool) -> bool:
        """PUBREC. Whether the message is in flight, so that it may be released. One that is refused is done with."""
        delivered = self.in_flight.get(packet_id)
        if delivered is None or delivered.qos != 2:
            return False
        if refused:
            self._finish(delivered)
            return True
        self._release(delivered.publication.size)
        delivered.publication = RELEASED
        self._note(delivered)
        return True

    def complete(self, packet_id: int) -> None:
        """PUBCOMP."""
        delivered = self.in_flight.get(packet_id)
        if delivered is not None and delivered.released:
            self._finish(delivered)

    def pump(self) -> None:
        """Sends from the queue as far as the window and the connection allow."""
        outlet = self.outlet
        if outlet is None:
            return
        for _ in range(PACKETS_PER_PUMP):
            queue = self._queue
            if not queue or not outlet.writable:
                return
            outgoing = queue[0]
            if outgoing.is_expired():
                self._discard(queue.popleft(), "expired")
                continue
            if outgoing.qos and len(self.in_flight) >= self.window:
                return
            queue.popleft()
            if not outgoing.qos:
                self._release(outgoing.publication.size)
            if not queue:
                self._queue = _EMPTY
            self._send(outlet, outgoing)
        outlet.pump_soon()

    def discard_forbidden(self) -> None:
        """Gives up what is queued and its principal may not receive any more. An open exchange of QoS 2 goes on."""
        if not self._queue:
            return
        allowed: dict[str, bool] = {}
        kept: deque[Outgoing] = deque()
        for outgoing in self._queue:
            topic = outgoing.publication.topic
            if topic not in allowed:
                allowed[topic] = outgoing.released or may_receive(self.principal, topic)
            if allowed[topic] or (outgoing.dup and outgoing.qos == 2):
                kept.append(outgoing)
            else:
                self._discard(outgoing, "forbidden")
        self._queue = kept or _EMPTY

    def undelivered(self) -> list[Outgoing]:
        """What is to be stored, in order."""
        return [outgoing for outgoing in (*self.in_flight.values(), *self._queue) if outgoing.number]

    def restore(self, outgoing: Outgoing) -> None:
        """Puts back a message of an earlier run of the broker."""
        self._last_number = max(self._last_number, outgoing.number)
        if self._has_room(outgoing.publication):
            self._hold(outgoing.publication.size)
            self._append(outgoing)
        else:
            self._drop(outgoing.qos)

    def _send(self, outlet: Outlet, outgoing: Outgoing) -> None:
        if outgoing.qos:
            outgoing.packet_id = outgoing.packet_id or self._next_id()
            self.in_flight[outgoing.packet_id] = outgoing
            self._note(outgoing)
        if not outlet.send_message(outgoing.packet()):
            self._give_up(outgoing, "client_maximum")
        elif not outgoing.released:
            self._stats["redelivered_messages" if outgoing.dup else "delivered_messages"] += 1

    def _finish(self, delivered: Outgoing) -> None:
        del self.in_flight[delivered.packet_id]
        self._forget(delivered)
        self._release(delivered.publication.size)
        if self._queue:
            self.pump()

    def _give_up(self, outgoing: Outgoing, reason: str) -> None:
        self._stats[f"dropped.{reason}"] += 1
        if outgoing.qos:
            self.in_flight.pop(outgoing.packet_id, None)
            self._forget(outgoing)
            self._release(outgoing.publication.size)

    def _enqueue(self, outgoing: Outgoing) -> None:
        publication = outgoing.publication
        if not self._fits(publication):
            self._discard_expired()
        if self._fits(publication):
            self._admit(outgoing)
            self._append(outgoing)
        else:
            self._drop(outgoing.qos)

    def _append(self, outgoing: Outgoing) -> None:
        if self._queue is _EMPTY:
            self._queue = deque()
        self._queue.append(outgoing)
        if outgoing.publication.expires_at is not None:
            self._next_expiry = min(self._next_expiry, outgoing.publication.expires_at)

    def _fits(self, publication: Publication) -> bool:
        return len(self._queue) < self.limits.queue_messages and self._has_room(publication)

    def _discard_expired(self) -> None:
        """Makes room in the queue: what nobody will get must not take the place of something new."""
        if monotonic() < self._next_expiry:
            return
        kept: deque[Outgoing] = deque()
        self._next_expiry = inf
        for outgoing in self._queue:
            expires_at = outgoing.publication.expires_at
            if outgoing.is_expired():
                self._discard(outgoing, "expired")
                continue
            kept.append(outgoing)
            if expires_at is not None:
                self._next_expiry = min(self._next_expiry, expires_at)
        self._queue = kept or _EMPTY

    def _discard(self, outgoing: Outgoing, reason: str) -> None:
        self._forget(outgoing)
        self._release(outgoing.publication.size)
        self._stats[f"dropped.{reason}"] += 1

    def _admit(self, outgoing: Outgoing) -> None:
        """From here on its bytes count, and it is stored unless it is of QoS 0."""
        self._hold(outgoing.publication.size)
        if self.journal is not None and outgoing.qos:
            self._last_number += 1
            outgoing.number = self._last_number
            self.journal.message(self.number, outgoing)

    def _note(self, outgoing: Outgoing) -> None:
        if self.journal is not None and outgoing.number:
            self.journal.message(self.number, outgoing)

    def _forget(self, outgoing: Outgoing) -> None:
        if self.journal is not None and outgoing.number:
            self.journal.done(self.number, outgoing)

    def _has_room(self, publication: Publication) -> bool:
        pool = self._pool
        return (
            self._held_bytes + publication.size <= self.limits.queue_bytes
            and pool.held + publication.size <= pool.bytes
        )

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
            self._warnings.warn(reason, "A message for %r is dropped: %s", self.principal.name, DROPPED[reason])

    def _next_id(self) -> int:
        packet_id = self.last_id
        while True:
            packet_id = packet_id % MAX_PACKET_ID + 1
            if packet_id not in self.in_flight:
                self.last_id = packet_id
                return packet_id
