from __future__ import annotations

from dashboards.live.rates import BURST, MAX_DEBT, RATE_PER_S, RequestRate, Verdict
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
