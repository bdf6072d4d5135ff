from __future__ import annotations

from collections import Counter

import pytest

from bridges.ingest import fair_queue
from bridges.ingest.budgets import BURST_US, Budgets
from bridges.ingest.delivery import Delivery
from bridges.ingest.fair_queue import MAX_BATCH, TURN_MESSAGES, FairQueue
from bridges.ingest.leftover import LEAST_MESSAGES, PAUSE_US
from devices.values import Sample, Telemetry

NOW = 1_000_000_000


def message(uid: str, payload: bytes = b"1", *, qos: int = 1, at: int = NOW) -> Delivery:
    return Delivery(uid, "telemetry", payload, at, settle=(lambda: None) if qos else None)


def uids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.uid for delivery in deliveries]


def test_a_device_that_floods_does_not_delay_another_beyond_a_turn() -> None:
    queue = FairQueue(Budgets())
    for _ in range(3 * MAX_BATCH):
        queue.put(message("loud"))
    queue.put(message("quiet"))
    batch = uids(queue.next_batch(NOW).deliveries)
    assert len(batch) == MAX_BATCH
    assert batch.index("quiet") == TURN_MESSAGES


def test_the_messages_of_a_device_keep_their_order_and_none_is_lost() -> None:
    queue = FairQueue(Budgets())
    for n in range(5_000):
        queue.put(message(f"pump-{n % 7}", b"%d" % n))
    taken: list[Delivery] = []
    while batch := queue.next_batch(NOW).deliveries:
        taken += batch
    for device in range(7):
        numbers = [int(each.payload) for each in taken if each.uid == f"pump-{device}"]
        assert numbers == list(range(device, 5_000, 7))
    assert (queue.count, queue.bytes, queue.devices) == (0, 0, 0)


def test_a_batch_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MAX_BATCH_BYTES", 10)
    queue = FairQueue(Budgets())
    for payload in (b"x" * 20, b"x" * 6, b"x" * 4, b"x"):
        queue.put(message("pump", payload))
    sizes = [[len(each.payload) for each in queue.next_batch(NOW).deliveries] for _ in range(4)]
    assert sizes == [[20], [6, 4], [1], []]


def test_a_device_over_its_budget_waits_while_another_is_served() -> None:
    budgets = Budgets(values=10)
    queue = FairQueue(budgets)
    budgets.spend_values("loud", 40, NOW)
    queue.put(message("loud"))
    queue.put(message("quiet"))
    batch = queue.next_batch(NOW)
    assert (uids(batch.deliveries), batch.delayed) == (["quiet"], 1)
    assert queue.wakes_at == NOW + 1_000_000
    assert queue.waiting("loud") == (1, 1)
    assert queue.next_batch(NOW + 999_999).deliveries == []
    assert uids(queue.next_batch(NOW + 1_000_000).deliveries) == ["loud"]
    assert queue.wakes_at is None


def test_where_nobody_may_be_held_back_a_device_over_its_budget_comes_after_all_others() -> None:
    budgets = Budgets(messages=TURN_MESSAGES // 3)  # what may come at once is a turn
    queue = FairQueue(budgets, holds_back=False)
    for _ in range(3 * TURN_MESSAGES):
        queue.put(message("loud"))
    for n in range(100):
        queue.put(message(f"quiet-{n}"))
    batch = queue.next_batch(NOW)
    over = [each for each in batch.deliveries if each.part_values]
    assert set(uids(over)) == {"loud"}
    assert batch.deliveries[-len(over) :] == over
    assert LEAST_MESSAGES <= len(over) < 2 * TURN_MESSAGES
    assert len(batch.deliveries) == TURN_MESSAGES + 100 + len(over)
    assert (batch.over_limit, batch.delayed, queue.devices) == (len(over), 0, 1)
    assert queue.next_batch(NOW).deliveries == []
    assert queue.wakes_at is not None
    assert NOW < queue.wakes_at < NOW + PAUSE_US
    assert len(queue.next_batch(queue.wakes_at).deliveries) == 2 * TURN_MESSAGES - len(over)
    assert (queue.count, queue.devices) == (0, 0)
    assert queue.next_batch(NOW + PAUSE_US).deliveries == []
    assert queue.wakes_at is None


def test_a_device_over_its_budget_has_only_what_others_leave_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MAX_BATCH", 10)
    budgets = Budgets(messages=10)
    budgets.spend("loud", 100, 0, NOW)
    queue = FairQueue(budgets, holds_back=False)
    for _ in range(20):
        queue.put(message("loud"))
    for n in range(15):
        queue.put(message(f"quiet-{n}"))
    batches = [
        Counter(each.split("-")[0] for each in uids(queue.next_batch(NOW + n * PAUSE_US).deliveries)) for n in range(4)
    ]
    assert batches == [{"quiet": 10}, {"quiet": 5, "loud": 5}, {"loud": 10}, {"loud": 5}]


def test_what_was_over_the_budget_is_not_held_against_the_device_later() -> None:
    budgets = Budgets(messages=10)
    budgets.spend("loud", 40, 0, NOW)
    queue = FairQueue(budgets, holds_back=False)
    for _ in range(100):
        queue.put(message("loud"))
    queue.next_batch(NOW)
    assert budgets.ready_at("loud") == NOW + 1_000_000


def test_the_messages_of_a_device_over_its_budget_keep_their_order_where_it_is_not_held_back() -> None:
    budgets = Budgets(messages=10)
    queue = FairQueue(budgets, share=10, holds_back=False)
    taken: list[Delivery] = []
    for n in range(1_000):
        queue.put(message("loud", b"%d" % n, at=NOW + n))
        taken += queue.next_batch(NOW + n).deliveries
    while queue.count:
        taken += queue.next_batch(queue.wakes_at or NOW).deliveries
    assert [int(each.payload) for each in taken] == list(range(1_000))


def test_spaces_take_turns_over_their_budgets_too() -> None:
    budgets = Budgets(messages=1)
    queue = FairQueue(budgets, holds_back=False, space_of=lambda uid: len(uid.split("-")[0]))
    for uid in ("small-1", *(f"loud-{n}" for n in range(20))):
        budgets.spend(uid, 100, 0, NOW)
        for _ in range(3 * TURN_MESSAGES):
            queue.put(message(uid))
    batches = [Counter(each[0] for each in uids(queue.next_batch(NOW + n * PAUSE_US).deliveries)) for n in range(2)]
    assert sum(batches, Counter())["s"] >= 2 * TURN_MESSAGES


def test_the_remainder_of_a_message_comes_last_where_nobody_is_held_back() -> None:
    queue = FairQueue(Budgets(values=1), share=10, holds_back=False)
    queue.put(message("large"))
    first = queue.next_batch(NOW).deliveries[0]
    first.report = Telemetry((Sample("a", 1),), NOW)
    queue.put_back(first, NOW + 1_000_000)
    queue.put(message("quiet"))
    batch = queue.next_batch(NOW)
    assert uids(batch.deliveries) == ["quiet", "large"]
    assert batch.over_limit == 0


def test_devices_over_their_budgets_take_turns_when_their_messages_are_large() -> None:
    """Two such messages are all that a batch has room for."""
    budgets, space = Budgets(values=10), {"loud": 1, "pump": 2, "valve": 2}
    queue = FairQueue(budgets, holds_back=False, space_of=space.__getitem__)
    for uid, messages in (("loud", 300), ("pump", 20), ("valve", 20)):
        budgets.spend_values(uid, 1_000, NOW)
        for _ in range(messages):
            queue.put(message(uid, b"," * 89))
    batches = [queue.next_batch(NOW + n * PAUSE_US) for n in range(8)]
    served = [uids(batch.deliveries) for batch in batches]
    assert served == [[uid] * 2 for uid in ("loud", "pump", "loud", "valve") * 2]


def test_what_comes_behind_the_remainder_of_a_message_is_not_over_the_budget() -> None:
    queue = FairQueue(Budgets(messages=10), holds_back=False)
    large = message("pump")
    large.report = Telemetry((Sample("flow", 1),), NOW)
    queue.put(message("pump"))
    queue.put_back(large, NOW)
    batch = queue.next_batch(NOW)
    assert (len(batch.deliveries), batch.over_limit) == (2, 0)


def test_spaces_take_turns_whatever_the_number_of_their_devices() -> None:
    queue = FairQueue(Budgets(), space_of=lambda uid: len(uid.split("-")[0]))
    for device in range(1_000):
        for _ in range(3):
            queue.put(message(f"loud-{device}"))
    for device in range(3):
        queue.put(message(f"small-{device}"))
    batch = uids(queue.next_batch(NOW).deliveries)
    last = max(place for place, uid in enumerate(batch) if uid.startswith("small"))
    assert last <= 3 * 3 + 3
    assert len(batch) == MAX_BATCH


def test_qos_0_over_the_budget_is_taken_out_and_what_was_sent_later_within_it_is_served() -> None:
    budgets = Budgets(values=10)
    queue = FairQueue(budgets)
    budgets.spend_values("loud", 40, NOW)
    later = NOW + 1_000_000
    queue.put(message("loud", b"over", qos=0))
    queue.put(message("loud", b"within", qos=0, at=later))
    batch = queue.next_batch(later)
    assert [each.payload for each in batch.over_budget] == [b"over"]
    assert [each.payload for each in batch.deliveries] == [b"within"]


def test_messages_that_waited_for_us_count_from_their_receipt() -> None:
    """While the database was unavailable, a device that kept to its budget must not exceed it."""
    budgets = Budgets(values=10)
    queue = FairQueue(budgets)
    for second in range(10):
        queue.put(message("pump", qos=0, at=NOW + second * 1_000_000))
    for _ in range(10):
        queue_batch = queue.next_batch(NOW + 10_000_000)
        for each in queue_batch.deliveries:
            budgets.spend_values("pump", 10, each.received_at)
        assert queue_batch.over_budget == []
    assert queue.count == 0


def test_at_the_end_nobody_waits_and_what_is_over_a_budget_is_left_to_its_sender() -> None:
    budgets = Budgets(values=1)
    queue = FairQueue(budgets, share=10)
    queue.put(message("loud", b"large"))
    [first] = queue.next_batch(NOW).deliveries
    budgets.spend_values("loud", 1_000, NOW)
    for _ in range(100):
        queue.put(message("loud"))
    queue.put(message("quiet"))
    first.report = Telemetry((Sample("a", 1),), NOW)
    queue.put_back(first, NOW + 50)
    batches = [queue.next_batch(NOW, closing=True).deliveries for _ in range(3)]
    assert [each for batch in batches for each in batch if each.uid == "loud"] == [first]
    assert "quiet" in uids(batches[0])
    assert queue.count == 0


def test_a_device_has_at_most_its_share_of_values_in_a_batch_but_always_one_message() -> None:
    queue = FairQueue(Budgets(values=1_000), share=10)
    for _ in range(3):
        queue.put(message("large", b"[%s]" % b",".join([b"1"] * 50)))
    for _ in range(6):
        queue.put(message("small", b'{"a":1,"b":2,"c":3}'))
    batches = [uids(queue.next_batch(NOW).deliveries) for _ in range(3)]
    assert batches == [["large", "small", "small", "small"]] * 2 + [["large"]]


def test_the_rest_of_a_message_comes_before_the_others_of_its_device_at_its_time() -> None:
    budgets = Budgets(values=1)
    queue = FairQueue(budgets, share=10)
    queue.put(message("large"))
    queue.put(message("large", b"next"))
    first = queue.next_batch(NOW).deliveries[0]
    while queue.next_batch(NOW).deliveries:
        pass
    queue.put(message("large", b"next"))
    first.report = Telemetry((Sample("a", 1),), NOW)
    budgets.spend_values("large", 1_000, NOW)
    queue.put_back(first, NOW + 50)
    assert queue.next_batch(NOW + 49).deliveries == []
    rest = queue.next_batch(NOW + 50)
    assert rest.deliveries == [first]
    assert queue.waiting("large") == (1, 4)
    assert queue.wakes_at == NOW + 1_000_000_000 - BURST_US


def test_a_clock_that_is_set_back_wakes_everybody() -> None:
    budgets = Budgets(values=1)
    queue = FairQueue(budgets)
    queue.put(message("loud"))
    assert uids(queue.next_batch(NOW).deliveries) == ["loud"]
    budgets.spend_values("loud", 1_000, NOW)
    queue.put(message("loud"))
    assert queue.next_batch(NOW).deliveries == []
    assert uids(queue.next_batch(NOW - 500_000_000).deliveries) == ["loud"]


def test_each_queue_notices_that_the_clock_was_set_back() -> None:
    budgets = Budgets(values=1)
    queues = [FairQueue(budgets), FairQueue(budgets)]  # of two brokers
    budgets.spend_values("loud", 1_000, NOW)
    for queue in queues:
        queue.put(message("loud"))
        assert queue.next_batch(NOW).deliveries == []
    for queue in queues:
        assert uids(queue.next_batch(NOW - 500_000_000).deliveries) == ["loud"]
