"""Batches of deliveries into the database: decoded, then stored in one transaction."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec
from django.conf import settings
from django.db import DatabaseError, ProgrammingError, transaction

from bridges.codec import payloads
from bridges.ingest import children, liveness
from bridges.ingest.budgets import Budgets
from bridges.ingest.delivery import Delivery
from bridges.ingest.known_spaces import KnownSpaces
from bridges.ingest.liveness import LivenessTracker, Sighting, Sightings
from devices.channel.events import Event
from devices.commands import lifecycle
from devices.errors import Refusal, SkippedValues
from devices.log import entries
from devices.log.entries import Outcome
from devices.registry import attributes, brokers, senders
from devices.registry.senders import Sender
from devices.runtime import stats
from devices.runtime.database import UNAVAILABLE_ERRORS
from devices.telemetry import clocks
from devices.telemetry.clocks import ClockWatch
from devices.telemetry.store import ReadingStore
from devices.values import Answer, Attributes, Availability, Report, StatusReport, Telemetry

logger = logging.getLogger("hubbub.ingest")

SHARE_S = 0.02
"""A device's budget of values for this time is stored at once. A message with more is stored in parts that are so far
apart: in one piece it would hold up everybody else's."""
MIN_SHARE = 200
"""Values; a smaller share would cost more transactions than it is worth."""

RETRYABLE_ERRORS = (*UNAVAILABLE_ERRORS, ProgrammingError)
"""Errors of storing that are not a message's fault: also a table that does not exist yet, or a withdrawn right."""


@dataclass(slots=True)
class BatchResult:
    """The result of a batch: events to publish, and by index the refusal of each delivery of which nothing was stored.

    `skipped`, by index, are values that were not stored; `readings` were. `remainders`, by index, are parts of messages
    that are still to be stored.
    """

    events: list[Event] = field(default_factory=list)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    skipped: dict[int, SkippedValues] = field(default_factory=dict)
    readings: int = 0
    remainders: dict[int, Telemetry] = field(default_factory=dict)

    def add(self, part: BatchResult) -> None:
        """Adds what came of a part of the batch."""
        self.events += part.events
        self.refusals |= part.refusals
        self.readings += part.readings
        for i, skipped in part.skipped.items():
            self.skipped.setdefault(i, SkippedValues()).merge(skipped)


_Decoded = tuple[int, Delivery, Report]
"""Index in the batch, the message, and its content."""


@dataclass(slots=True)
class Batch:
    """The deliveries of one transaction. They are decoded once, however often storing is tried."""

    deliveries: list[Delivery]
    decoded: list[_Decoded] | None = None
    refusals: dict[int, Refusal] = field(default_factory=dict)
    remainders: dict[int, Telemetry] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    """uid -> values in the messages that were decoded and are held against their device."""


class BatchProcessor:
    """Decodes and stores batches. Synchronous; a lock admits one thread at a time."""

    def __init__(self) -> None:
        self._store = ReadingStore()
        self._liveness = LivenessTracker()
        self._clocks = ClockWatch()
        self.budgets = Budgets(
            messages=settings.DEVICE_RATE_LIMIT, values=settings.VALUE_RATE_LIMIT, size=settings.BYTE_RATE_LIMIT
        )
        """Checked on the event loop, before a message is handed over."""
        self.spaces = KnownSpaces()
        self.share = max(MIN_SHARE, int(settings.VALUE_RATE_LIMIT * SHARE_S)) if settings.VALUE_RATE_LIMIT else 0
        """Values of a device that are stored at once; of a larger message, the remainder is returned. 0: no limit."""
        self._lock = threading.Lock()

    def process(self, batch: Batch) -> BatchResult:
        """Stores the batch in one transaction.

        Raises one of `RETRYABLE_ERRORS` while the database cannot store it; the same batch may be tried again. A
        delivery that cannot be stored for another reason is refused, and the rest of its batch is stored.
        """
        with self._lock:
            batch.refusals |= children.resolve(batch.deliveries)
            decoded = self._decode(batch)
            result = BatchResult(refusals=dict(batch.refusals), remainders=dict(batch.remainders))
            try:
                self._write(decoded, result)
            except RETRYABLE_ERRORS:
                self._store.forget()
                raise
            except Exception:
                logger.exception("a batch of %d messages cannot be stored; trying them one by one", len(decoded))
                self._store.forget()
                for one in decoded:
                    self._write_single(one, result)
            for i in result.refusals:
                result.remainders.pop(i, None)
            return result

    def _decode(self, batch: Batch) -> list[_Decoded]:
        if batch.decoded is not None:
            return batch.decoded
        decoded = batch.decoded = []
        for i, delivery in enumerate(batch.deliveries):
            if i in batch.refusals:
                continue
            try:
                if delivery.report is None:
                    report = _decode(delivery)
                    if type(report) is Telemetry and not delivery.part_values:
                        batch.values[delivery.sender] += len(report.samples)
                        if report.skipped is not None:
                            batch.values[delivery.sender] += report.skipped.total
                else:
                    report = delivery.report
                decoded.append((i, delivery, self._part(i, report, batch)))
            except Refusal as refusal:
                batch.refusals[i] = refusal
        for kind, count in Counter(each.kind for each in batch.deliveries if each.report is None).items():
            stats.received.labels(kind).inc(count)
        return decoded

    def _part(self, i: int, report: Report, batch: Batch) -> Report:
        """The report, or as much of it as is stored at once."""
        share = batch.deliveries[i].part_values or self.share
        if not share or type(report) is not Telemetry or len(report.samples) <= share:
            return report
        part, batch.remainders[i] = split(report, share)
        return part

    def _write_single(self, one: _Decoded, result: BatchResult) -> None:
        try:
            self._write([one], result)
        except RETRYABLE_ERRORS:
            self._store.forget()
            raise
        except Exception as error:
            self._store.forget()
            result.refusals[one[0]] = Refusal("not_storable", type(error).__name__)

    def _write(self, decoded: list[_Decoded], result: BatchResult) -> None:
        """Adds to `result` only after the commit."""
        if not decoded:
            return
        with transaction.atomic():
            stored = self._store_all(decoded, result.remainders)
        result.add(stored)
        for skipped in stored.skipped.values():
            for reason, count in skipped.counts.items():
                stats.samples_refused.labels(reason).inc(count)
        stats.batches.inc()
        try:
            result.events += self._clocks.save()
        except DatabaseError as error:  # the batch is stored; the next message finds it again
            logger.warning("cannot store that a device's clock is wrong: %s", error)

    def _store_all(self, decoded: list[_Decoded], remainders: Collection[int]) -> BatchResult:
        stored = BatchResult()
        outcome = Outcome()
        telemetry: list[tuple[Sender, Telemetry]] = []
        sightings: Sightings = {}
        new_metrics: defaultdict[int, set[str]] = defaultdict(set)
        known = senders.by_uid(uid for _, delivery, _ in decoded for uid in (delivery.uid, delivery.gateway) if uid)
        self.spaces.learn(known)
        first_broker = brokers.first()
        for i, delivery, report in decoded:
            try:
                device = _sender(known, delivery, first_broker)
                if isinstance(report, Telemetry):
                    kept = self._store.admissible(device, self._placed(device, report), new_metrics[device.id])
                    if kept.skipped is not None:
                        stored.skipped[i] = kept.skipped
                        if not kept.samples and delivery.report is None and i not in remainders:
                            raise kept.skipped.first
                    telemetry.append((device, kept))
                    if not delivery.repeated:
                        sightings[device.id] = Sighting(device, Availability.ONLINE, report.received_at)
                else:
                    if isinstance(report, Attributes):
                        _merge(device, report, stored.skipped, i)
                    else:
                        if isinstance(report, Answer) and report.skipped is not None:
                            stored.skipped[i] = report.skipped
                        outcome += _apply(device, report)
                    liveness.record(sightings, device, report)
                gateway = known.get(delivery.gateway)
                if gateway is not None and not delivery.repeated:
                    sightings[gateway.id] = Sighting(gateway, Availability.ONLINE, delivery.received_at)
            except Refusal as refusal:
                stored.refusals[i] = refusal
        if telemetry:
            outcome.events += self._store.store(telemetry)
        outcome += self._liveness.apply(sightings)
        stored.events = entries.record(outcome)  # once and last, because it locks rooms
        stored.readings = sum(len(kept.samples) for _, kept in telemetry)
        return stored

    def _placed(self, device: Sender, telemetry: Telemetry) -> Telemetry:
        """The telemetry with the times by which it is stored."""
        placed = clocks.timed(device, telemetry)
        if telemetry.repeated:  # it may be old, so it shows nothing of the clock
            return _only_timed(placed)
        self._clocks.look_at(device, placed)
        return placed


def split(telemetry: Telemetry, share: int) -> tuple[Telemetry, Telemetry]:
    """The first `share` samples, with what was skipped of the message, and the remainder."""
    samples, part = telemetry.samples, msgspec.structs.replace
    return part(telemetry, samples=samples[:share]), part(telemetry, samples=samples[share:], skipped=None)


def _decode(delivery: Delivery) -> Report:
    if delivery.refusal is not None:
        # A new one each time: an exception that is raised again and again accumulates tracebacks.
        raise delivery.refusal.of(delivery.refusal.key)
    if delivery.content is not None:
        return delivery.content
    match delivery.kind:
        case "telemetry":
            telemetry = payloads.decode_telemetry(delivery.payload, delivery.received_at)
            return _only_timed(telemetry) if delivery.repeated else telemetry
        case "status":
            return payloads.decode_status(delivery.payload, delivery.received_at, repeated=delivery.repeated)
        case "attributes":
            return payloads.decode_attributes(delivery.payload, repeated=delivery.repeated)
        case "answer":
            return payloads.decode_answer(delivery.payload, delivery.ref)
        case _:
            raise Refusal("bad_topic", delivery.kind)


def _only_timed(repeated: Telemetry) -> Telemetry:
    """What may be stored again of a message that the broker repeats: the key of a reading with a time absorbs it, while
    without one each subscription would store it anew."""
    skipped = SkippedValues()
    if repeated.skipped is not None:
        skipped.merge(repeated.skipped)
    for sample in repeated.samples:
        if sample.time is None:
            skipped.add(Refusal("retained", key=sample.metric))
    timed = tuple(sample for sample in repeated.samples if sample.time is not None)
    return msgspec.structs.replace(repeated, samples=timed, skipped=skipped or None, repeated=True)


def _sender(known: Mapping[str, Sender], delivery: Delivery, first_broker: str) -> Sender:
    device = known.get(delivery.uid)
    if device is None:
        raise Refusal("unknown_device")
    if delivery.broker is not None and delivery.broker != (device.broker or first_broker):
        raise Refusal("wrong_broker", delivery.broker)
    return device


def _merge(device: Sender, report: Attributes, skipped: dict[int, SkippedValues], i: int) -> None:
    """Stores attributes; those that are not stored are added to the skipped ones of the delivery `i`."""
    without_room = attributes.merge(device, report)
    found = SkippedValues()
    for part in (report.skipped, without_room):
        if part:
            found.merge(part)
    if found:
        skipped[i] = found
        if without_room.total == len(report.facts):
            raise found.first


def _apply(device: Sender, report: StatusReport | Answer) -> Outcome:
    """Stores an answer. A status report changes nothing here: `LivenessTracker.apply` stores it."""
    if isinstance(report, StatusReport):
        return Outcome()
    outcome = lifecycle.answer(device, report)
    if not outcome.events:
        raise Refusal("unknown_command", ascii(report.command_id))
    return outcome


_shared: BatchProcessor | None = None


def shared_processor() -> BatchProcessor:
    """The processor that all bridges of this process share, with one memory of devices and rates."""
    global _shared
    if _shared is None:
        _shared = BatchProcessor()
    return _shared
