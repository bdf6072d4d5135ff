from __future__ import annotations

import pytest

from bridges.ingest.delivery import Delivery
from bridges.ingest.leftover import (
    LEAST_MESSAGES,
    LEAST_VALUES,
    MANY_BYTES,
    MANY_MESSAGES,
    MOST_MESSAGES,
    MOST_VALUES,
    PAUSE_US,
    Leftover,
)

NOW = 1_000_000_000


def message(values: int = 1) -> Delivery:
    return Delivery("loud", "telemetry", b",".join([b"1"] * values), NOW)


@pytest.mark.parametrize(
    ("messages", "size", "most", "pause_us"),
    [
        (0, 0, LEAST_MESSAGES, PAUSE_US),
        (MANY_MESSAGES // 2, 0, LEAST_MESSAGES + (MOST_MESSAGES - LEAST_MESSAGES) // 4, PAUSE_US * 3 // 4),
        (0, MANY_BYTES // 2, LEAST_MESSAGES + (MOST_MESSAGES - LEAST_MESSAGES) // 4, PAUSE_US * 3 // 4),
        (MANY_MESSAGES, 0, MOST_MESSAGES, 0),
        (10 * MANY_MESSAGES, 10 * MANY_BYTES, MOST_MESSAGES, 0),
    ],
)
def test_the_more_are_waiting_the_more_are_stored(messages: int, size: int, most: int, pause_us: int) -> None:
    leftover = Leftover()
    assert leftover.begin(NOW, messages, size)
    assert sum(leftover.admit(message()) for _ in range(2 * MOST_MESSAGES)) == most
    assert leftover.due_at == NOW + pause_us
    assert not leftover.begin(NOW + pause_us - 1, messages, size) or not pause_us
    assert leftover.begin(NOW + pause_us, messages, size)


def test_values_are_bounded_too_but_one_message_always_fits_and_is_stored_in_part() -> None:
    leftover = Leftover()
    leftover.begin(NOW, 0, 0)
    assert [leftover.admit(message(LEAST_VALUES // 2)) for _ in range(3)] == [True, True, False]
    large = message(10 * MOST_VALUES)
    leftover.begin(NOW + PAUSE_US, 0, 0)
    assert [leftover.admit(large), leftover.admit(message())] == [True, False]
    assert large.part_values == LEAST_VALUES


def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    leftover = Leftover()
    leftover.begin(NOW, 0, 0)
    assert leftover.begin(NOW - 100_000_000, 0, 0)
