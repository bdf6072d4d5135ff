from __future__ import annotations

import pytest

from bridges.ingest import budgets
from bridges.ingest.budgets import BURST_US, Budgets

SECOND = 1_000_000
START = 10_000 * SECOND


def test_a_device_may_send_as_much_as_its_burst_at_once_and_then_its_rate() -> None:
    found = Budgets(values=100)
    found.spend_values("loud", 300, START)
    assert found.ready_at("loud") <= START
    found.spend_values("loud", 50, START)
    assert found.ready_at("loud") == START + SECOND // 2
    assert found.limit("loud") == "100 values/s"
    assert found.ready_at("quiet") <= START


def test_what_was_not_spent_is_not_saved_beyond_the_burst() -> None:
    found = Budgets(values=100)
    found.spend_values("pump", 1, START)
    later = START + 3_600 * SECOND
    found.spend_values("pump", 400, later)
    assert found.ready_at("pump") == later + SECOND


def test_bytes_have_a_budget_of_their_own() -> None:
    found = Budgets(size=1_000)
    found.spend_values("pump", 1_000_000, START)
    assert found.ready_at("pump") <= START
    found.spend("pump", 1, 1_000 + BURST_US // 1_000, START)
    assert found.ready_at("pump") == START + SECOND
    assert found.limit("pump") == "1000 bytes/s"


def test_messages_have_a_budget_of_their_own() -> None:
    found = Budgets(messages=10, size=1_000)
    for _ in range(35):
        found.spend("pump", 1, 1, START)
    assert found.ready_at("pump") == START + SECOND // 2
    assert found.limit("pump") == "10 messages/s"
    assert found.ready_at("quiet") <= START


def test_without_limits_nothing_is_remembered() -> None:
    found = Budgets()
    found.spend("pump", 1 << 30, 1 << 30, START)
    found.spend_values("pump", 1 << 30, START)
    assert not found.limited
    assert found.ready_at("pump") <= 0


def test_a_clock_that_is_set_back_makes_nobody_wait_for_it() -> None:
    found = Budgets(values=100)
    found.set_now(START)
    found.spend_values("pump", 400, START)
    found.set_now(START - SECOND // 2)  # what a clock is adjusted by now and then
    assert found.ready_at("pump") > START
    found.set_now(START - 3_600 * SECOND)
    assert found.ready_at("pump") <= 0
    found.spend_values("pump", 400, START)  # received before that
    assert found.ready_at("pump") == START - 3_599 * SECOND


def test_the_memory_of_devices_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MAX_DEVICES", 3)
    found = Budgets(values=1, size=1)
    for i in range(10):
        found.spend(f"pump-{i}", 1, 1, START)
    assert len(found._spent) <= 3
