"""The messages that wait to be stored: a queue for each device, served in turn."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from bridges.ingest.budgets import SET_BACK_US, Budgets
from bridges.ingest.delivery import Delivery, estimated_values
from bridges.ingest.leftover import Leftover
from bridges.ingest.turns import DeviceQueue, Turns

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
    over_limit: int = 0
    """Messages in it of devices that have no budget left, and that may not be held back."""
    size: int = 0
    values: dict[str, int] = field(default_factory=dict)
    """uid -> estimated values, if there is a share."""


class _End(Enum):
    """Why a turn ends: it is over, the batch is full, the device has had its share, has to wait, or comes after all
    others."""

    TURN = auto()
    FULL = auto()
    SHARE = auto()
    ASLEEP = auto()
    LAST = auto()


def one_space(_: str) -> int:
    return 0


class FairQueue:
    """A device that floods delays or loses only its own messages: it has its own queue and its turns in each batch.

    One that is over its budget is passed over until it has earned enough; that holds back its sender, since nothing is
    acknowledged. Where senders share what may be unacknowledged, the others would be held back too: there it fills what
    the others have left of each batch. Its messages of QoS 0 are taken out, because nothing would slow down their
    sender. In each batch a device has at most its share of values.
    """

    def __init__(
        self, budgets: Budgets, share: int = 0, *, holds_back: bool = True, space_of: Callable[[str], int] = one_space
    ) -> None:
        """`share`: values, estimated from the payload; 0: no limit. `holds_back`: whether QoS 1 over a budget waits.

        `space_of(uid)`: spaces take turns.
        """
        self.count = self.bytes = 0
        self._budgets = budgets
        self._share = share
        self._holds_back = holds_back
        self._space_of = space_of
        self._queues: dict[str, DeviceQueue] = {}
        self._turns = Turns()
        self._leftover = Leftover()
        self._some_come_last = False
        self._asleep: list[tuple[int, int, DeviceQueue]] = []
        self._now = 0
        self._numbers = itertools.count()  # so that queues that wake at the same time are not compared

    @property
    def devices(self) -> int:
        """Devices of which messages are waiting."""
        return len(self._queues)

    @property
    def wakes_at(self) -> int | None:
        """When the next device that has to wait may go on, in microseconds."""
        times = [self._asleep[0][0]] if self._asleep else []
        if self._some_come_last:
            times.append(self._leftover.due_at)
        return min(times, default=None)

    def waiting(self, uid: str) -> tuple[int, int]:
        """Messages and bytes of this device."""
        queue = self._queues.get(uid)
        return (0, 0) if queue is None else (len(queue.waiting), queue.bytes)

    def put(self, delivery: Delivery) -> None:
        queue = self._queues.get(delivery.uid) or self._begin(delivery.uid)
        queue.waiting.append(delivery)
        size = len(delivery.payload)
        queue.bytes += size
        self.bytes += size
        self.count += 1

    def put_back(self, delivery: Delivery, not_before: int) -> None:
        """Puts the remainder of a message before all others of its device. They wait until `not_before` (microseconds),
        or, where nobody is held back, come after those of others."""
        queue = self._queues.get(delivery.uid) or self._begin(delivery.uid)
        queue.waiting.appendleft(delivery)
        queue.not_before = not_before if self._holds_back else 0
        size = len(delivery.payload)
        queue.bytes += size
        self.bytes += size
        self.count += 1

    def next_batch(self, now: int, *, closing: bool = False) -> NextBatch:
        """The messages of the next transaction at `now` (microseconds).

        `closing`: no device waits any more. QoS 1 of one that is over its budget is discarded, since the broker sends
        it again.
        """
        self._budgets.set_now(now)
        # Seen here too: of the queues that share the budgets, only the first would learn it from them.
        was_set_back, self._now = now < self._now - SET_BACK_US, now
        self._wake(now, was_set_back or closing)
        batch, last = NextBatch(), Turns()
        with_share = self._take_turns(self._turns, batch, last, closing)
        if last.spaces and self._leftover.begin(now, self.count, self.bytes):
            self._take_turns(last, batch, None, closing)
        self._some_come_last = bool(last.spaces)
        for queue in with_share:
            self._turns.add(queue)
        while last.spaces:
            self._turns.add(last.take())
        return batch

    def _take_turns(self, turns: Turns, batch: NextBatch, last: Turns | None, closing: bool) -> list[DeviceQueue]:
        """Until the batch is full, or nobody has anything left for it; returns the devices that have had their share.

        Those over their budgets are added to `last`; None: these are they.
        """
        with_share: list[DeviceQueue] = []
        spaces, deliveries = turns.spaces, batch.deliveries
        while spaces and len(deliveries) < MAX_BATCH:
            queue, before = turns.take(), len(deliveries)
            end = self._take_turn(queue, batch, closing, is_last=last is None)
            if not queue.waiting:
                del self._queues[queue.uid]
            elif end is _End.TURN:
                turns.add(queue)
            elif end is _End.SHARE:
                with_share.append(queue)
            elif end is _End.LAST:
                assert last is not None  # noqa: S101
                last.add(queue)
            elif end is _End.FULL:
                # One that was served would otherwise have all batches that have room for a part of a turn only.
                (turns.add_first if len(deliveries) == before else turns.add)(queue)
                break
        return with_share

    def _take_turn(self, queue: DeviceQueue, batch: NextBatch, closing: bool, *, is_last: bool) -> _End:
        waiting, deliveries, share, now = queue.waiting, batch.deliveries, self._share, self._now
        if now < queue.not_before <= now + SET_BACK_US and not closing:
            self._sleep(queue, queue.not_before)
            return _End.ASLEEP
        ready_at = self._budgets.ready_at(queue.uid)
        first, size_before, bytes_before, end = len(deliveries), batch.size, queue.bytes, _End.TURN
        for _ in range(min(TURN_MESSAGES, MAX_BATCH - first)):
            if not waiting or bytes_before - queue.bytes >= TURN_BYTES:
                break
            delivery = waiting[0]
            if delivery.report is not None:
                if not (self._holds_back or is_last or closing):
                    end = _End.LAST
                    break
            elif ready_at > delivery.received_at:
                if delivery.settle is None:
                    batch.over_budget.append(self._take(queue))
                    continue
                if ready_at > now and closing:
                    self._take(queue)
                    continue
                if ready_at > now and (stopped := self._stop(queue, batch, ready_at, is_last)):
                    end = stopped
                    break
            size = len(delivery.payload)
            if deliveries and batch.size + size > MAX_BATCH_BYTES:
                end = _End.FULL
                break
            if is_last:
                if not self._leftover.admit(delivery):
                    end = _End.FULL
                    break
                batch.over_limit += delivery.report is None and ready_at > now
            elif share and not _within(share, delivery, batch):
                end = _End.SHARE
                break
            deliveries.append(self._take(queue))
            batch.size += size
        if self._budgets.limited and not is_last:
            self._spend(queue.uid, deliveries, first, batch.size - size_before)
        return end

    def _stop(self, queue: DeviceQueue, batch: NextBatch, ready_at: int, is_last: bool) -> _End | None:
        """What becomes of a device whose next message, of QoS 1, is over its budget. None: its turn goes on."""
        if self._holds_back:
            self._sleep(queue, ready_at)
            batch.delayed += 1
            return _End.ASLEEP
        return None if is_last else _End.LAST

    def _spend(self, uid: str, deliveries: list[Delivery], first: int, size: int) -> None:
        """What a device has sent within its budget, once a turn: it may exceed it by a turn, and waits longer then."""
        messages = len(deliveries) - first
        if messages and deliveries[first].report is not None:
            messages -= 1  # the remainder of one that has been counted
        if messages:
            self._budgets.spend(uid, messages, size, deliveries[-1].received_at)

    def _begin(self, uid: str) -> DeviceQueue:
        queue = self._queues[uid] = DeviceQueue(uid, self._space_of(uid))
        self._turns.add(queue)
        return queue

    def _take(self, queue: DeviceQueue) -> Delivery:
        delivery = queue.waiting.popleft()
        size = len(delivery.payload)
        queue.bytes -= size
        self.bytes -= size
        self.count -= 1
        return delivery

    def _sleep(self, queue: DeviceQueue, until: int) -> None:
        heapq.heappush(self._asleep, (until, next(self._numbers), queue))

    def _wake(self, now: int, everybody: bool) -> None:
        while self._asleep and (everybody or self._asleep[0][0] <= now):
            self._turns.add(heapq.heappop(self._asleep)[2])


def _within(share: int, delivery: Delivery, batch: NextBatch) -> bool:
    """Whether the device's values in the batch stay within its share. One message always does, however large."""
    values = min(share, estimated_values(delivery))
    spent = batch.values.get(delivery.uid, 0)
    if spent and spent + values > share:
        return False
    batch.values[delivery.uid] = spent + values
    return True
