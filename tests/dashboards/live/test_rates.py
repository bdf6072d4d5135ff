from __future__ import annotations

from dashboards.live.rates import (
    BURST,
    CONTROL_BURST,
    CONTROL_PER_S,
    MAX_DEBT,
    PONG_GAP_S,
    RATE_PER_S,
    ControlRate,
    RequestRate,
    Verdict,
)
from tests.dashboards.live.conftest import HandClock


def test_a_burst_is_admitted_and_then_the_rate(clock: HandClock) -> None:
    rate = RequestRate(clock)
    assert all(rate.count() is Verdict.ADMIT for _ in range(BURST))
    assert rate.count() is Verdict.REFUSE
    clock.forward(10)
    assert sum(rate.count() is Verdict.ADMIT for _ in range(600)) == 10 * RATE_PER_S - 1


def test_a_client_that_goes_on_asking_is_closed(clock: HandClock) -> None:
    rate = RequestRate(clock)
    verdicts = [rate.count() for _ in range(BURST + MAX_DEBT + 1)]
    assert verdicts.count(Verdict.REFUSE) == MAX_DEBT
    assert verdicts[-1] is Verdict.CLOSE


def test_a_pause_fills_the_bucket_and_no_more(clock: HandClock) -> None:
    rate = RequestRate(clock)
    clock.forward(1e6)
    assert [rate.count() for _ in range(BURST + 1)].count(Verdict.ADMIT) == BURST


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
