"""From a message to the database and the viewers: decode, store, fan out, acknowledge. Knows no protocol.

Batches follow the load: a lone message is handled at once; what arrives while a batch is being stored is the next.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    transaction,
)

from bridges import codec
from bridges.limits import RateLimiter
from bridges.refusals import RefusalKeeper
from devices import database, fanout, stats
from devices.errors import Refusal, Unavailable
from devices.events import Event
from devices.models import Device
from devices.queries import devices as device_queries
from devices.services import commands, reports
from devices.services.readings import ReadingStore
from devices.values import Answer, Attributes, Availability, Report, StatusReport, Telemetry

logger = logging.getLogger("hubbub.pipeline")

MAX_BATCH = 2_000
"""Messages of one transaction."""
MAX_WAITING = 20_000
"""Messages waiting to be stored; past it `offer` makes its caller wait or, for QoS 0, drops."""
AWAY = (OperationalError, InterfaceError, InternalError)
"""What Django raises while the database cannot be reached or cannot write: full, or read-only after a failover."""
UNABLE = (*AWAY, ProgrammingError)
"""What is no message's fault while storing: with those also a table that is not there yet, or a right withdrawn."""
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between attempts to store a batch while the database is away."""


@dataclass(slots=True)
class Delivery:
    """One message on its way in.

    `retained`: the broker kept it for later subscribers. `backlog`: it waited in the broker for the bridge, so the
    pace at which it comes is not the device's. `settle` acknowledges it: called once, after the commit or refusal.
    """

    uid: str
    kind: str
    payload: bytes
    received_at: int
    ref: str = ""
    retained: bool = False
    backlog: bool = False
    settle: Callable[[], None] | None = None


@dataclass(slots=True)
class Outcome:
    """What came of a batch: events to publish, and the refusal of each delivery that was not taken."""

    events: list[Event] = field(default_factory=list)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    readings: int = 0


_Decoded = tuple[int, str, Report]
"""Index in the batch, uid, and what the message says."""


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
        self._limiter = RateLimiter(settings.DEVICE_RATE_LIMIT)
        self._lock = threading.Lock()

    def process(self, batch: Batch) -> Outcome:
        """Stores the batch in one transaction.

        Raises one of `UNABLE` while the database does not take it; the same batch may be tried again. A delivery
        that cannot be stored for another reason is refused alone.
        """
        with self._lock:
            decoded = self._decode(batch)
            outcome = Outcome(refusals=dict(batch.refusals))
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
            stats.received.labels(delivery.kind).inc()
            try:
                if not delivery.backlog:
                    self._limiter.check(delivery.uid, delivery.received_at)
                decoded.append((i, delivery.uid, _decode(delivery)))
            except Refusal as refusal:
                batch.refusals[i] = refusal
        return decoded

    def _write_alone(self, one: _Decoded, outcome: Outcome) -> None:
        try:
            self._write([one], outcome)
        except UNABLE:
            self._store.forget()
            raise
        except Exception as error:
            self._store.forget()
            outcome.refusals[one[0]] = Refusal("not_storable", type(error).__name__)

    def _write(self, decoded: list[_Decoded], outcome: Outcome) -> None:
        """Stores what is decoded; `outcome` is touched only once the transaction is committed."""
        if not decoded:
            return
        telemetry: list[tuple[Device, Telemetry]] = []
        heard: dict[int, tuple[Device, Availability, int]] = {}
        events: list[Event] = []
        refusals: dict[int, Refusal] = {}
        new_metrics: defaultdict[int, set[str]] = defaultdict(set)
        with transaction.atomic():
            known = device_queries.by_uid(uid for _, uid, _ in decoded)
            for i, uid, report in decoded:
                try:
                    device = known.get(uid)
                    if device is None:
                        raise Refusal("unknown_device")
                    if isinstance(report, Telemetry):
                        self._store.check_room(device, report, new_metrics[device.id])
                        telemetry.append((device, report))
                        heard[device.id] = (device, Availability.ONLINE, report.received_at)
                    elif isinstance(report, StatusReport):
                        heard[device.id] = (device, report.availability, report.received_at)
                    else:
                        events += _take(device, report)
                except Refusal as refusal:
                    refusals[i] = refusal
            if telemetry:
                events += self._store.store(telemetry)
            for device, availability, at in heard.values():
                if availability != device.availability:
                    events += reports.set_availability(device, availability, at)
        outcome.events += events
        outcome.refusals |= refusals
        outcome.readings += sum(len(report.samples) for _, report in telemetry)
        stats.batches.inc()


def _decode(delivery: Delivery) -> Report:
    match delivery.kind:
        case "telemetry":
            if delivery.retained:
                raise Refusal("retained")
            return codec.decode_telemetry(delivery.payload, delivery.received_at)
        case "status":
            return codec.decode_status(delivery.payload, delivery.received_at)
        case "attributes":
            return codec.decode_attributes(delivery.payload)
        case "answer":
            return codec.decode_answer(delivery.payload, delivery.ref)
        case _:
            raise Refusal("bad_topic", delivery.kind)


def _take(device: Device, report: Attributes | Answer) -> list[Event]:
    if isinstance(report, Attributes):
        reports.merge_attributes(device, report)
        return []
    events = commands.answer(device, report)
    if not events:
        raise Refusal("unknown_command", ascii(report.command_id))
    return list(events)


class Pipeline:
    """Takes deliveries from any thread and processes them in batches on a thread of its own."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._waiting: deque[Delivery] = deque()
        self._room = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        self._refused = RefusalKeeper(partial(self._loop.run_in_executor, self._thread))

    @property
    def waiting(self) -> int:
        """Messages not yet taken into a batch."""
        return len(self._waiting)

    def offer(self, delivery: Delivery, *, wait: bool) -> bool:
        """Hands a delivery over, from any thread but the loop's.

        Past `MAX_WAITING`, `wait` holds the caller up until there is room (what stops reading stops the broker);
        without it the delivery is dropped and counted. False: it was not taken.
        """
        with self._room:
            if len(self._waiting) >= MAX_WAITING and not wait:
                stats.dropped.labels("pipeline").inc()
                return False
            self._room.wait_for(lambda: len(self._waiting) < MAX_WAITING or self._closed)
            if self._closed:
                return False
            self._waiting.append(delivery)
            first = len(self._waiting) == 1
        if first:
            self._loop.call_soon_threadsafe(self._arrived.set)
        return True

    async def run(self) -> None:
        """Processes until `close`, then what still waits.

        A database that is away then is not waited for: what is not acknowledged, the broker sends again.
        """
        try:
            while not (self._closed and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._take_batch():
                    if not await self._handle(batch):
                        return
        finally:
            await self._refused.close()
            self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Takes nothing more in; `run` returns once the rest is stored."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._arrived.set()
        self._closing.set()

    def _take_batch(self) -> list[Delivery]:
        with self._room:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            self._room.notify_all()
        return batch

    async def _handle(self, deliveries: list[Delivery]) -> bool:
        """Whether the deliveries were dealt with; otherwise none of them is settled."""
        outcome = await self._process(Batch(deliveries))
        if outcome is None:
            return False
        await fanout.publish(outcome.events)
        for i, refusal in outcome.refusals.items():
            refused = deliveries[i]
            self._refused.take(refusal, refused.kind, refused.uid, refused.payload, refused.received_at)
        for delivery in deliveries:
            if delivery.settle is not None:
                delivery.settle()
        await self._refused.write()
        return True

    async def _process(self, batch: Batch) -> Outcome | None:
        """Tries for as long as the database does not take it, or until `close`: nothing is acknowledged meanwhile."""
        attempt = 0
        while True:
            try:
                return await self._loop.run_in_executor(self._thread, self._ingest.process, batch)
            except UNABLE as error:
                stats.store_failures.inc()
                await self._loop.run_in_executor(self._thread, close_old_connections)
                waiting = len(batch.deliveries) + self.waiting
                if self._closed:
                    logger.error("the database is away, %d messages are left to the broker: %s", waiting, error)
                    return None
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                logger.error("the database is away, %d messages wait, next try in %s s: %s", waiting, pause, error)
                attempt += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._closing.wait()


_shared: Ingest | None = None
_refused = RefusalKeeper(database.run)


def shared_ingest() -> Ingest:
    """This process's `Ingest`."""
    global _shared
    if _shared is None:
        _shared = Ingest()
    return _shared


async def ingest_now(delivery: Delivery) -> int:
    """Stores one delivery and fans it out before it returns, for protocols that answer. Returns the readings.

    Raises `Refusal`, or `Unavailable` while the database is away.
    """
    try:
        outcome = await database.run(shared_ingest().process, Batch([delivery]))
    except UNABLE:
        stats.store_failures.inc()
        raise Unavailable("the database is away") from None
    await fanout.publish(outcome.events)
    if refusal := outcome.refusals.get(0):
        await refuse_now(delivery, refusal)
        raise refusal
    return outcome.readings


async def refuse_now(delivery: Delivery, refusal: Refusal) -> None:
    """Counts, logs and keeps the refusal of a delivery that did not come through a `Pipeline`."""
    _refused.take(refusal, delivery.kind, delivery.uid, delivery.payload, delivery.received_at)
    await _refused.write()
