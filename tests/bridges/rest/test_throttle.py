from __future__ import annotations

import pytest

from bridges.rest import throttle
from bridges.rest.throttle import MAX_FAILURES, WINDOW_S, FailureThrottle


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> FailureThrottle:
    return FailureThrottle(clock)


def fail(guard: FailureThrottle, address: str, times: int = MAX_FAILURES) -> None:
    for _ in range(times):
        guard.failed(address)


def test_the_last_allowed_failure_causes_no_wait(guard: FailureThrottle) -> None:
    fail(guard, "192.0.2.7", MAX_FAILURES - 1)
    assert guard.wait_s("192.0.2.7") == 0
    fail(guard, "192.0.2.7", 1)
    assert guard.wait_s("192.0.2.7") == WINDOW_S
    assert guard.wait_s("192.0.2.8") == 0


def test_the_window_ends(guard: FailureThrottle, clock: Clock) -> None:
    fail(guard, "192.0.2.7")
    clock.now += WINDOW_S - 0.5
    assert guard.wait_s("192.0.2.7") == 1
    clock.now += 0.5
    assert guard.wait_s("192.0.2.7") == 0
    fail(guard, "192.0.2.7", 1)
    assert guard.wait_s("192.0.2.7") == 0


def test_one_ipv6_network_counts_as_one_address(guard: FailureThrottle) -> None:
    for host in range(MAX_FAILURES):
        guard.failed(f"2001:db8::{host:x}")
    assert guard.wait_s("2001:db8::ffff") > 0
    assert guard.wait_s("2001:db8:0:1::1") == 0


def test_an_ipv4_address_mapped_to_ipv6_is_the_same(guard: FailureThrottle) -> None:
    fail(guard, "::ffff:192.0.2.7")
    assert guard.wait_s("192.0.2.7") > 0
    assert guard.wait_s("::ffff:192.0.2.8") == 0


def test_trust_belongs_to_a_uid_at_an_address(guard: FailureThrottle) -> None:
    guard.succeeded("192.0.2.7", "pump-1")
    assert guard.trusts("192.0.2.7", "pump-1")
    assert not guard.trusts("192.0.2.7", "pump-2")
    assert not guard.trusts("192.0.2.8", "pump-1")


def test_the_memory_is_bounded(guard: FailureThrottle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_REMEMBERED", 3)
    for host in range(10):
        guard.failed(f"192.0.2.{host}")
        guard.succeeded("192.0.2.7", f"pump-{host}")
    assert (len(guard._failures), len(guard._trusted)) == (3, 3)
    assert guard.trusts("192.0.2.7", "pump-9")
    assert not guard.trusts("192.0.2.7", "pump-0")
