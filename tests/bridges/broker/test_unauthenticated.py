"""Connections that have not signed in cost others nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridges.broker import Limits
from bridges.broker.newcomers import Newcomers
from devices.runtime.login_throttle import LoginThrottle, ThrottleLimits
from tests.bridges.broker.clients import Client, RawClient, RunningBroker, connect_packet
from tests.support.eventually import eventually_async

UNAVAILABLE = b"\x20\x02\x00\x03"
NOT_AUTHORIZED = b"\x20\x02\x00\x05"


class TestSilentConnections:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(connections=10, newcomers=8, newcomers_per_network=4, newcomer_grace_s=0.05)

    def test_devices_sign_in_while_one_host_holds_all_the_silent_connections_it_can(
        self, broker: RunningBroker, client: Callable[..., Client], raw: Callable[..., RawClient]
    ) -> None:
        silent = [raw() for _ in range(100)]
        assert [client(f"pump-{n}").answer for n in range(10)] == ["Success"] * 10
        broker.until("closed.evicted", 96)
        assert [each.rest() for each in silent[:96]] == [b""] * 96  # the oldest


class TestFleet:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(connections=10, newcomers=8, newcomers_per_network=4, newcomer_grace_s=20)

    def test_many_devices_that_connect_at_once_all_sign_in(
        self, broker: RunningBroker, raw: Callable[..., RawClient]
    ) -> None:
        devices = [raw() for _ in range(10)]
        for n, device in enumerate(devices):
            device.log_in(f"pump-{n}")
        assert broker.stats["closed.evicted"] == 0


class Arrived:
    def __init__(self, where: str) -> None:
        self.network = where
        self.closed = ""

    def close(self, reason: str) -> None:
        self.closed = reason


async def test_the_network_with_the_most_newcomers_makes_room() -> None:
    limits = Limits(newcomers=6, newcomers_per_network=5, newcomer_grace_s=0.001)
    newcomers, crowd, few = Newcomers(limits), [Arrived("a") for _ in range(9)], [Arrived("b"), Arrived("c")]
    for each in [*few, *crowd]:
        newcomers.add(each)
    await eventually_async(lambda: sum(bool(each.closed) for each in crowd) == 5)
    assert [bool(each.closed) for each in crowd] == [True] * 5 + [False] * 4
    assert [each.closed for each in few] == ["", ""]
    newcomers.discard(few[0])
    newcomers.discard(few[0])
    assert newcomers._count == 5


class TestWrongSecrets:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(look_ups_per_network=2, refusal_delay_s=0.1)

    @pytest.fixture
    def throttle(self) -> LoginThrottle:
        limits = ThrottleLimits(failures_per_account=3, failures_per_network=5, further_look_ups_per_s=0.001)
        return LoginThrottle(limits)

    def answers(self, raw: Callable[..., RawClient], name: str, times: int, password: str = "wrong") -> list[bytes]:
        found = []
        for _ in range(times):
            refused = raw()
            refused.send(connect_packet(name, password=password))
            found.append(refused.rest())
        return found

    def test_an_account_that_fails_too_often_is_not_looked_up(
        self, broker: RunningBroker, raw: Callable[..., RawClient], client: Callable[..., Client]
    ) -> None:
        assert self.answers(raw, "pump", 5) == [NOT_AUTHORIZED] * 3 + [UNAVAILABLE] * 2
        assert broker.stats["refused_logins.bad_credentials"] == 3
        assert broker.stats["refused_logins.throttled"] == 2
        assert client("valve").answer == "Success"

    def test_a_network_that_fails_too_often_is_refused_except_for_accounts_that_signed_in_before(
        self, broker: RunningBroker, raw: Callable[..., RawClient], client: Callable[..., Client]
    ) -> None:
        client("valve").disconnect()
        for n in range(7):
            self.answers(raw, f"pump-{n}", 1)
        assert broker.stats["refused_logins.bad_credentials"] == 5 + 1  # a further one in a quarter of an hour
        assert client("lamp").answer == "Server unavailable"
        assert client("valve").answer == "Success"

    def test_logins_that_wait_are_refused_once_there_were_too_many_failures(
        self, broker: RunningBroker, raw: Callable[..., RawClient]
    ) -> None:
        waiting = [raw() for _ in range(20)]
        for n, each in enumerate(waiting):
            each.send(connect_packet(f"slow-{n}", password="wrong"))
        assert broker.accounts.asked.wait(10)
        broker.loop.call_soon_threadsafe(broker.accounts.answer.set)
        answers = [each.rest() for each in waiting]
        assert answers.count(UNAVAILABLE) >= 20 - 5 - 2  # a further one, and one more may have been running
        assert broker.stats["refused_logins.throttled"] == answers.count(UNAVAILABLE)


class TestDelayedRefusals:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(refusal_delay_s=3_600, delayed_refusals=2)

    @pytest.fixture
    def throttle(self) -> LoginThrottle:
        return LoginThrottle(ThrottleLimits(failures_per_account=1))

    def test_they_wait_and_the_oldest_one_makes_room(
        self, broker: RunningBroker, raw: Callable[..., RawClient], client: Callable[..., Client]
    ) -> None:
        first = raw()
        first.send(connect_packet("pump", password="wrong"))
        assert first.rest() == NOT_AUTHORIZED
        refused = [raw() for _ in range(4)]
        for count, each in enumerate(refused, 1):
            each.send(connect_packet("pump", password="wrong"))
            broker.until("refused_logins.throttled", count)
        assert [each.rest() for each in refused[:2]] == [UNAVAILABLE] * 2
        for each in refused[2:]:
            each.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.sock.recv(1)
        assert client("valve").answer == "Success"


class TestLoginsInProgress:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(logins=4, logins_per_network=3)

    def test_more_than_the_limit_are_refused(self, broker: RunningBroker, raw: Callable[..., RawClient]) -> None:
        slow = [raw() for _ in range(3)]
        for n, each in enumerate(slow):
            each.send(connect_packet(f"slow-{n}"))
        assert broker.accounts.asked.wait(10)
        refused = raw()
        refused.send(connect_packet("pump"))
        assert refused.rest() == UNAVAILABLE
        assert broker.stats["refused_logins.too_many_logins"] == 1
        broker.loop.call_soon_threadsafe(broker.accounts.answer.set)
        assert [each.receive(4) for each in slow] == [b"\x20\x02\x00\x00"] * 3
