"""From deliveries to the database: decode, store in one transaction, say what to publish. Knows no protocol."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from django.conf import settings
from django.db import ProgrammingError, transaction

from bridges import codec, hearing
from bridges.hearing import Hearing
from bridges.limits import RateLimiter
from devices.channel.events import Event
from devices.commands import lifecycle
from devices.errors import Refusal
from devices.log import entries
from devices.log.entries import Outcome
from devices.registry import attributes, brokers, senders
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.runtime.database import AWAY
from devices.telemetry.store import ReadingStore
from devices.values import Answer, Attributes, Availability, Report, StatusReport, Telemetry

logger = logging.getLogger("hubbub.ingest")

UNABLE = (*AWAY, ProgrammingError)
"""What is no message's fault while storing: with those also a table that is not there yet, or a right withdrawn."""


# Made by the ten thousand each second. The collector would walk through all that wait, again and again; none of them is
# left to it, since what waits is stored or dropped with its pipeline.
class Delivery(msgspec.Struct, gc=False):
    """One message on its way in.

    `retained`: the broker keeps it for later subscribers. `repeated`: it may be one that the broker has kept and only
    repeats, so it is no sign that the device lives. `broker`: name of the broker it came through, None for none.
    `refusal`: why it is not taken, where that shows before it is decoded. `size`: of the whole payload, where `payload`
    is only the beginning of one that is too large. `settle` acknowledges it: called once, on
    the event loop, after the commit or refusal; None (QoS 0): nobody waits for it.
    """

    uid: str
    kind: str
    payload: bytes
    received_at: int
    ref: str = ""
    retained: bool = False
    repeated: bool = False
    broker: str | None = None
    refusal: Refusal | None = None
    settle: Callable[[], object] | None = None
    size: int | None = None


@dataclass(slots=True)
class BatchResult:
    """What came of a batch: events to publish, and the refusal of each delivery that was not taken, or not wholly.

    `samples_refused`: those that were left out of messages that were taken otherwise.
    """

    events: list[Event] = field(default_factory=list)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    readings: int = 0
    samples_refused: int = 0


_Decoded = tuple[int, Delivery, Report]
"""Index in the batch, the message, and what it says."""


@dataclass(slots=True)
class Batch:
    """What one transaction stores. Decoded once, however often storing it is tried.

    Decoding takes from a device's rate: done anew at each attempt, a database that is away for some seconds would
    make messages pass a limit that their device kept to.
    """

    deliveries: list[Delivery]
    decoded: list[_Decoded] | None = None
    refusals: dict[int, Refusal] = field(default_factory=dict)


class Ingest:
    """Decodes and stores deliveries. Synchronous; a lock lets one thread in at a time."""

    def __init__(self) -> None:
        self._store = ReadingStore()
        self._hearing = Hearing()
        self._limiter = RateLimiter(settings.DEVICE_RATE_LIMIT)
        self._lock = threading.Lock()

    def expect_backlog(self, messages: int) -> None:
        """So many messages of each device may have waited for us: they do not count as sent at the pace they come."""
        self._limiter.allow(messages)

    def process(self, batch: Batch) -> BatchResult:
        """Stores the batch in one transaction.

        Raises one of `UNABLE` while the database does not take it; the same batch may be tried again. A delivery
        that cannot be stored for another reason is refused alone.
        """
        with self._lock:
            decoded = self._decode(batch)
            outcome = BatchResult(refusals=dict(batch.refusals))
            try:
                self._write(decoded, outcome)
            except UNABLE:
                self._store.forget()
                raise
            except Exception:
                logger.exception("a batch of %d messages cannot be stored; trying them one by one", len(decoded))
                self._store.forget()
                for one in decoded:
                    self._write_alone(one, outcome)
            return outcome

    def _decode(self, batch: Batch) -> list[_Decoded]:
        if batch.decoded is not None:
            return batch.decoded
        decoded = batch.decoded = []
        for i, delivery in enumerate(batch.deliveries):
            try:
                self._limiter.check(delivery.uid, delivery.received_at)
                decoded.append((i, delivery, _decode(delivery)))
            except Refusal as refusal:
                batch.refusals[i] = refusal
        for kind, count in Counter(delivery.kind for delivery in batch.deliveries).items():
            stats.received.labels(kind).inc(count)
        return decoded

    def _write_alone(self, one: _Decoded, outcome: BatchResult) -> None:
        try:
            self._write([one], outcome)
        except UNABLE:
            self._store.forget()
            raise
        except Exception as error:
            self._store.forget()
            outcome.refusals[one[0]] = Refusal("not_storable", type(error).__name__)

    def _write(self, decoded: list[_Decoded], outcome: BatchResult) -> None:
        """Stores what is decoded; `outcome` is touched only once the transaction is committed."""
        if not decoded:
            return
        telemetry: list[tuple[Sender, Telemetry]] = []
        signs: hearing.Signs = {}
        written = Outcome()
        refusals: dict[int, Refusal] = {}
        samples_refused = 0
        new_metrics: defaultdict[int, set[str]] = defaultdict(set)
        first_broker = brokers.first()
        with transaction.atomic():
            known = senders.by_uid(delivery.uid for _, delivery, _ in decoded)
            for i, delivery, report in decoded:
                try:
                    device = _sender(known, delivery, first_broker)
                    if isinstance(report, Telemetry):
                        kept, too_old = self._store.without_old(device, report)
                        self._store.check_room(device, kept, new_metrics[device.id])
                        telemetry.append((device, kept))
                        if too_old is not None:
                            refusals[i] = too_old
                            samples_refused += len(report.samples) - len(kept.samples)
                        signs[device.id] = (device, Availability.ONLINE, report.received_at, False)
                    else:
                        written += _take(device, report)
                        hearing.note(signs, device, report)
                except Refusal as refusal:
                    refusals[i] = refusal
            if telemetry:
                written.events += self._store.store(telemetry)
            written += self._hearing.take(signs)
            events = entries.record(written)  # at once and last, as it locks rooms
        outcome.events += events
        outcome.refusals |= refusals
        outcome.readings += sum(len(report.samples) for _, report in telemetry)
        outcome.samples_refused += samples_refused
        stats.samples_refused.inc(samples_refused)
        stats.batches.inc()


def _decode(delivery: Delivery) -> Report:
    if delivery.refusal is not None:
        raise Refusal(delivery.refusal.reason, delivery.refusal.detail)  # one raised again and again only grows
    match delivery.kind:
        case "telemetry":
            if delivery.retained:
                raise Refusal("retained")
            return codec.decode_telemetry(delivery.payload, delivery.received_at)
        case "status":
            return codec.decode_status(delivery.payload, delivery.received_at, repeated=delivery.repeated)
        case "attributes":
            return codec.decode_attributes(delivery.payload, repeated=delivery.repeated)
        case "answer":
            return codec.decode_answer(delivery.payload, delivery.ref)
        case _:
            raise Refusal("bad_topic", delivery.kind)


def _sender(known: Mapping[str, Sender], delivery: Delivery, first_broker: str) -> Sender:
    device = known.get(delivery.uid)
    if device is None:
        raise Refusal("unknown_device")
    if delivery.broker is not None and delivery.broker != (device.broker or first_broker):
        raise Refusal("wrong_broker", delivery.broker)
    return device


def _take(device: Sender, report: StatusReport | Attributes | Answer) -> Outcome:
    if isinstance(report, StatusReport):
        return Outcome()
    if isinstance(report, Attributes):
        attributes.merge(device, report)
        return Outcome()
    outcome = lifecycle.answer(device, report)
    if not outcome.events:
        raise Refusal("unknown_command", ascii(report.command_id))
    return outcome
