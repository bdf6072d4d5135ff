from __future__ import annotations

from typing import Any

import pytest

from devices.errors import TooMany
from devices.runtime import request_rates
from devices.runtime.request_rates import BURST, RequestRates


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock, settings: Any) -> RequestRates:
    settings.REQUEST_RATE_LIMIT = 10
    return RequestRates(clock)


def admitted(rates: RequestRates, person: int, times: int) -> int:
    count = 0
    for _ in range(times):
        try:
            rates.admit(person, "api")
        except TooMany:
            continue
        count += 1
    return count


def test_a_burst_is_admitted_and_then_the_rate(rates: RequestRates, clock: Clock) -> None:
    assert admitted(rates, 1, BURST + 5) == BURST
    clock.now += 3
    assert admitted(rates, 1, 100) == 30
    clock.now += 0.06
    assert admitted(rates, 1, 1) == 0
    clock.now += 0.06
    assert admitted(rates, 1, 1) == 1


def test_people_do_not_share_it(rates: RequestRates) -> None:
    admitted(rates, 1, BURST)
    assert admitted(rates, 1, 1) == 0
    assert admitted(rates, 2, 1) == 1


def test_zero_means_no_limit(rates: RequestRates, settings: Any) -> None:
    settings.REQUEST_RATE_LIMIT = 0
    assert admitted(rates, 1, BURST + 10) == BURST + 10


def test_the_error_names_the_limit(rates: RequestRates) -> None:
    admitted(rates, 1, BURST)
    with pytest.raises(TooMany, match="10 requests a second, 2,000 of them at once"):
        rates.admit(1, "api")


def test_the_memory_is_bounded(rates: RequestRates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_rates, "MAX_REMEMBERED", 3)
    for person in range(10):
        rates.admit(person, "api")
    assert list(rates._buckets) == [7, 8, 9]
