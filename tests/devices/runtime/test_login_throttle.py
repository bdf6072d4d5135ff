from __future__ import annotations

import asyncio

import pytest

from devices.runtime import login_throttle
from devices.runtime.login_throttle import MAX_ACCOUNT, LoginThrottle, ThrottleLimits

LIMITS = ThrottleLimits(failures_per_account=2, failures_per_network=5, window_s=60, further_look_ups_per_s=20)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Known:
    """Remembers sign-ins like the database does; `fails` while that is unavailable."""

    def __init__(self, *accounts: str) -> None:
        self.accounts = accounts
        self.networks: tuple[str, ...] = ("nat",)
        self.asked: list[str] = []
        self.added: list[tuple[str, str]] = []
        self.fails = False

    async def at(self, network: str) -> tuple[str, ...]:
        self.asked.append(network)
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError
        return self.accounts if network in self.networks else ()

    def add(self, network: str, account: str) -> None:
        self.added.append((network, account))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known() -> Known:
    return Known("known-1", "known-2")


@pytest.fixture
def throttle(clock: Clock, known: Known) -> LoginThrottle:
    return LoginThrottle(LIMITS, known, clock)


def fail(throttle: LoginThrottle, network: str, times: int = 5) -> None:
    for n in range(times):
        throttle.failed(network, f"guess-{n}")


async def use_up_the_pace(throttle: LoginThrottle, network: str) -> None:
    assert await throttle.wait_s(network, "anybody") == 0


async def test_an_account_waits_for_the_rest_of_the_window_after_too_many_failures(
    throttle: LoginThrottle, clock: Clock
) -> None:
    throttle.failed("nat", "pump")
    assert await throttle.wait_s("nat", "pump") == 0
    clock.now += 20
    throttle.failed("nat", "pump")
    assert await throttle.wait_s("nat", "pump") == 40
    assert await throttle.wait_s("nat", "valve") == 0
    assert await throttle.wait_s("elsewhere", "pump") == 0
    clock.now += 40
    assert await throttle.wait_s("nat", "pump") == 0
    throttle.failed("nat", "pump")
    assert await throttle.wait_s("nat", "pump") == 0


async def test_accounts_of_a_network_that_fails_too_often_still_come_in_a_few_a_second(
    throttle: LoginThrottle, clock: Clock
) -> None:
    fail(throttle, "nat")
    admitted = 0
    for _ in range(1_000):
        clock.now += 0.002
        admitted += await throttle.wait_s("nat", f"pump-{admitted}") == 0
    assert 38 <= admitted <= 41  # in two seconds
    assert 0 < await throttle.wait_s("nat", "pump") <= 0.05
    assert await throttle.wait_s("elsewhere", "pump") == 0
    for _ in range(2):
        throttle.failed("nat", "pump")
    clock.now += 1
    assert await throttle.wait_s("nat", "pump") > 1  # which has failed too often by itself


async def test_an_account_that_signed_in_before_is_always_looked_up(throttle: LoginThrottle, known: Known) -> None:
    throttle.succeeded("nat", "pump")
    assert known.added == [("nat", "pump")]
    fail(throttle, "nat")
    await use_up_the_pace(throttle, "nat")
    for _ in range(2):
        throttle.failed("nat", "pump")
    assert await throttle.wait_s("nat", "pump") == 0
    assert await throttle.wait_s("nat", "valve") > 0


async def test_so_is_one_that_signed_in_before_this_process_was_started(throttle: LoginThrottle) -> None:
    fail(throttle, "nat")
    await use_up_the_pace(throttle, "nat")
    assert await throttle.wait_s("nat", "unknown") > 0
    assert await throttle.wait_s("nat", "known-1") == 0
    assert await throttle.wait_s("nat", "known-2") == 0


async def test_who_is_known_is_asked_once_in_a_window_and_never_without_need(
    throttle: LoginThrottle, known: Known, clock: Clock
) -> None:
    fail(throttle, "nat", 4)
    await throttle.wait_s("nat", "pump")
    assert known.asked == []
    fail(throttle, "nat", 1)
    await asyncio.gather(*(throttle.wait_s("nat", f"guess-{n}") for n in range(100)))
    assert known.asked == ["nat"]
    clock.now += 61
    fail(throttle, "nat", 5)
    await throttle.wait_s("nat", "pump")
    assert known.asked == ["nat", "nat"]


async def test_large_networks_under_attack_do_not_crowd_out_each_other(throttle: LoginThrottle, known: Known) -> None:
    known.accounts = tuple(f"pump-{n}" for n in range(15_000))
    known.networks = ("nat", "nat-2")
    for network in known.networks:
        fail(throttle, network)
        await use_up_the_pace(throttle, network)
    for network in known.networks:
        assert await throttle.wait_s(network, "unknown") > 0
        assert [await throttle.wait_s(network, f"pump-{n}") for n in (0, 14_999)] == [0, 0]


async def test_while_nobody_can_be_asked_the_throttle_goes_on_and_asks_again(
    throttle: LoginThrottle, known: Known
) -> None:
    known.fails = True
    fail(throttle, "nat")
    await use_up_the_pace(throttle, "nat")
    assert await throttle.wait_s("nat", "known-1") > 0
    known.fails = False
    assert await throttle.wait_s("nat", "known-1") == 0


async def test_a_login_that_is_cancelled_leaves_the_question_to_the_others(throttle: LoginThrottle) -> None:
    fail(throttle, "nat")
    await use_up_the_pace(throttle, "nat")
    throttle._recalls._recalls.clear()
    cancelled, other = (asyncio.create_task(throttle.wait_s("nat", name)) for name in ("known-1", "known-2"))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await other == 0


def test_of_a_name_longer_than_any_only_the_beginning_is_kept(throttle: LoginThrottle) -> None:
    throttle.failed("nat", "x" * 16_000)
    throttle.failed("nat", "x" * 16_001)
    throttle.succeeded("nat", "y" * 16_000)
    [(_, failed)], [(_, signed_in)] = throttle._of_accounts._counts, throttle._trusted
    assert failed == "x" * MAX_ACCOUNT
    assert signed_in == "y" * MAX_ACCOUNT
    assert throttle.too_many_failures("nat", "x" * 16_002)


async def test_the_memory_is_bounded(throttle: LoginThrottle, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MAX_REMEMBERED", "MAX_TRUSTED"):
        monkeypatch.setattr(login_throttle, bound, 3)
    for host in range(10):
        fail(throttle, f"192.0.2.{host}")
        throttle.succeeded("192.0.2.7", f"pump-{host}")
        await throttle.wait_s(f"192.0.2.{host}", "pump")
    kept = (throttle._of_networks._counts, throttle._of_accounts._counts, throttle._trusted)
    assert [len(each) for each in (*kept, throttle._further._admitted_at, throttle._recalls._recalls)] == [3] * 5
    assert ("192.0.2.7", "pump-9") in throttle._trusted
