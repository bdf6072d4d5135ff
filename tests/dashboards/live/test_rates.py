from __future__ import annotations

from dashboards.live.rates import (
    CONTROL_BURST,
    CONTROL_PER_S,
    PONG_GAP_S,
    ControlRate,
)
from tests.dashboards.live.conftest import HandClock


def test_one_answer_for_each_frame_never_reaches_the_bound_of_control_frames(clock: HandClock) -> None:
    rate = ControlRate(clock)
    for _ in range(50 * CONTROL_BURST):  # all at once
        rate.expect()
        assert rate.count()


def test_control_frames_beyond_the_burst_are_too_many(clock: HandClock) -> None:
    rate = ControlRate(clock)
    assert all(rate.count() for _ in range(CONTROL_BURST))
    assert not rate.count()
    clock.forward(10)
    assert sum(rate.count() for _ in range(CONTROL_BURST)) == 10 * CONTROL_PER_S - 1


def test_frames_that_were_never_answered_are_no_store_of_answers(clock: HandClock) -> None:
    rate = ControlRate(clock)
    for _ in range(10 * CONTROL_BURST):
        rate.expect()
    assert [rate.count() for _ in range(CONTROL_BURST + 1)].count(True) == CONTROL_BURST


def test_a_pong_is_due_once_a_second(clock: HandClock) -> None:
    rate = ControlRate(clock)
    assert [rate.is_pong_due() for _ in range(3)] == [True, False, False]
    clock.forward(PONG_GAP_S)
    assert rate.is_pong_due()
