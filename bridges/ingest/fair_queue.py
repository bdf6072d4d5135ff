"""The messages that wait to be stored: a queue for each device, served in turn."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from bridges.ingest.budgets import SET_BACK_US, Budgets
from bridges.ingest.delivery import Delivery

MAX_BATCH = 2_000
"""Messages of one transaction."""
MAX_BATCH_BYTES = 1 << 20
"""Payload bytes of one transaction; a larger message has a transaction of its own."""
TURN_MESSAGES, TURN_BYTES = 50, 16 << 10
"""What a device puts into a batch before it is the next one's turn; the last message may exceed the bytes."""


@dataclass(slots=True)
class NextBatch:
    """`over_budget`: messages of QoS 0 that were taken out because their devices had no budget left when they sent."""

    deliveries: list[Delivery] = field(default_factory=list)
    over_budget: list[Delivery] = field(default_factory=list)
    delayed: int = 0
    """Devices that were passed over, and have to wait."""
    size: int = 0
    values: dict[str, int] = field(default_factory=dict)
    """uid -> estimated values, if there is a share."""


@dataclass(slots=True, eq=False)
class _DeviceQueue:
    uid: str
    waiting: deque[Delivery] = field(default_factory=deque)
    bytes: int = 0
    asleep: bool = False
    """The device has to wait, so the queue is passed over until it is woken."""


class _End(Enum):
    """Why a turn ends: the turn is over, the batch is full, the device has had its share, or has to wait."""

    TURN = auto()
    FULL = auto()
    SHARE = auto()
    ASLEEP = auto()


class FairQueue:
    """A device that floods delays or loses only its own messages: it has its own queue and its turns in each batch.

    One that is over its budget is passed over until it has earned enough. Its messages of QoS 0 do not wait for that,
    because nothing would slow down their sender. In each batch a device has at most its share of values.
    """

    def __init__(self, budgets: Budgets, share: int = 0) -> None:
        """`share`: values, estimated from the payload. 0: no limit."""
        self.count = self.bytes = 0
        self._budgets = budgets
        self._share = share
        self._queues: dict[str, _DeviceQueue] = {}
        self._turns: deque[_DeviceQueue] = deque()
        self._asleep: list[tuple[int, int, _DeviceQueue]] = []
        self._now = 0
        self._numbers = itertools.count()  # so that queues that wake at the same time are not compared

    @property
    def devices(self) -> int:
        """Devices of which messages are waiting."""
        return len(self._queues)

    @property
    def wakes_at(self) -> int | None:
        """When the next device that has to wait may go on, in microseconds."""
        return self._asleep[0][0] if self._asleep else None

    def waiting(self, uid: str) -> tuple[int, int, bool]:
        """Messages and bytes of this device, and whether they have to wait."""
        queue = self._queues.get(uid)
        return (0, 0, False) if queue is None else (len(queue.waiting), queue.bytes, queue.asleep)

    def put(self, delivery: Delivery) -> None:
        queue = self._queues.get(delivery.uid)
        if queue is None:
            queue = self._queues[delivery.uid] = _DeviceQueue(delivery.uid)
            self._turns.append(queue)
        queue.waiting.append(delivery)
        size = len(delivery.payload)
        queue.bytes += size
        self.bytes += size
        self.count += 1

    def put_back(self, delivery: Delivery, not_before: int) -> None:
        """Puts the remainder of a message before all others of its device. They wait until `not_before`
        (microseconds)."""
        queue = self._queues.get(delivery.uid)
        if queue is None:
            queue = self._queues[delivery.uid] = _DeviceQueue(delivery.uid)
        elif not queue.asleep:
            self._turns.remove(queue)
        queue.waiting.appendleft(delivery)
        size = len(delivery.payload)
        queue.bytes += size
        self.bytes += size
        self.count += 1
        if not queue.asleep:
            self._sleep(queue, not_before)

    def next_batch(self, now: int, *, closing: bool = False) -> NextBatch:
        """The messages of the next transaction at `now` (microseconds).

        `closing`: no device waits any more. QoS 1 of one that is over its budget is discarded, since the broker sends
        it again.
        """
        self._budgets.set_now(now)
        # Seen here too: of the queues that share the budgets, only the first would learn it from them.
        was_set_back, self._now = now < self._now - SET_BACK_US, now
        self._wake(now, was_set_back or closing)
        batch, turns = NextBatch(), self._turns
        with_share: list[_DeviceQueue] = []
        while turns and len(batch.deliveries) < MAX_BATCH:
            queue = turns.popleft()
            end = self._take_turn(queue, batch, now, closing)
            if not queue.waiting:
                del self._queues[queue.uid]
            elif end is _End.TURN:
                turns.append(queue)
            elif end is _End.SHARE:
                with_share.append(queue)
            elif end is _End.FULL:
                turns.appendleft(queue)
                break
        turns.extend(with_share)
        return batch

    def _take_turn(self, queue: _DeviceQueue, batch: NextBatch, now: int, closing: bool) -> _End:
        waiting, deliveries, share = queue.waiting, batch.deliveries, self._share
        ready_at = self._budgets.ready_at(queue.uid)
        before, end = queue.bytes, _End.TURN
        for _ in range(min(TURN_MESSAGES, MAX_BATCH - len(deliveries))):
            if not waiting or before - queue.bytes >= TURN_BYTES:
                break
            delivery = waiting[0]
            if ready_at > delivery.received_at and delivery.report is None:
                if delivery.settle is None:
                    batch.over_budget.append(self._take(queue))
                    continue
                if ready_at > now and closing:
                    self._take(queue)
                    continue
                if ready_at > now:
                    self._sleep(queue, ready_at)
                    batch.delayed += 1
                    end = _End.ASLEEP
                    break
            size = len(delivery.payload)
            if deliveries and batch.size + size > MAX_BATCH_BYTES:
                end = _End.FULL
                break
            if share and not _within(share, delivery, batch):
                end = _End.SHARE
                break
            deliveries.append(self._take(queue))
            batch.size += size
        return end

    def _take(self, queue: _DeviceQueue) -> Delivery:
        delivery = queue.waiting.popleft()
        size = len(delivery.payload)
        queue.bytes -= size
        self.bytes -= size
        self.count -= 1
        return delivery

    def _sleep(self, queue: _DeviceQueue, until: int) -> None:
        queue.asleep = True
        heapq.heappush(self._asleep, (until, next(self._numbers), queue))

    def _wake(self, now: int, everybody: bool) -> None:
        while self._asleep and (everybody or self._asleep[0][0] <= now):
            queue = heapq.heappop(self._asleep)[2]
            queue.asleep = False
            self._turns.append(queue)


def _within(share: int, delivery: Delivery, batch: NextBatch) -> bool:
    """Whether the device's values in the batch stay within its share. One message always does, however large."""
    # Values are separated by commas, so these are at least as many.
    values = delivery.payload.count(b",") + 1 if delivery.report is None else share
    spent = batch.values.get(delivery.uid, 0)
    if spent and spent + values > share:
        return False
    batch.values[delivery.uid] = spent + values
    return True
