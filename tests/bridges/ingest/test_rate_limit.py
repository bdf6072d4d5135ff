from __future__ import annotations

import pytest

from bridges.ingest.rate_limit import ALLOWANCE_S, BURST_S, RateLimiter
from devices.errors import Refusal


def test_a_device_over_its_limit_is_refused_while_another_is_served() -> None:
    limiter = RateLimiter(10)
    for _ in range(10 * BURST_S):
        limiter.check("loud", 0)
    with pytest.raises(Refusal) as caught:
        limiter.check("loud", 50_000)
    assert caught.value.reason == "rate_limited"
    limiter.check("quiet", 50_000)
    limiter.check("loud", 150_000)  # a tenth of a second later there is a token again


def test_an_allowance_is_used_up_and_expires() -> None:
    now = [0.0]
    limiter = RateLimiter(1, clock=lambda: now[0])
    limiter.allow(2)
    for _ in range(BURST_S + 2):
        limiter.check("a", 0)
    with pytest.raises(Refusal):
        limiter.check("a", 0)
    for _ in range(BURST_S + 1):
        limiter.check("b", 0)
    now[0] = ALLOWANCE_S
    with pytest.raises(Refusal):
        limiter.check("b", 0)
