from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.models import Device
from hub import visits
from hub.http_deadlines import Phase
from hub.visits import BUSY_SHARE, Visit, _network


@pytest.fixture(autouse=True)
def nobody(settings: Any) -> Iterator[None]:
    settings.ADDRESS_LIMIT = 2
    yield
    assert visits._strangers == visits._accounts == {}


ALICE, PUMP = User(pk=1), Device(pk=1)


class Visitors:
    """`cut` has the numbers of those that were cut off."""

    def __init__(self) -> None:
        self.cut: list[int] = []
        self.visits: list[Visit] = []

    def arrive(self, host: str | None) -> Visit:
        number = len(self.visits)
        self.visits.append(Visit(host, lambda reason: self.cut.append(number)))
        return self.visits[-1]


@pytest.fixture
async def visitors() -> Any:
    found = Visitors()
    yield found
    for visit in found.visits:
        visit.end()


async def test_above_the_limit_the_oldest_of_the_address_is_cut_off(visitors: Visitors) -> None:
    for _ in range(4):
        visitors.arrive("203.0.113.7")
    visitors.arrive("203.0.113.8")
    assert visitors.cut == [0, 1]


async def test_those_whose_request_is_being_answered_are_cut_off_last(visitors: Visitors) -> None:
    """After a restart many people behind one address come back at once."""
    for _ in range(2 * BUSY_SHARE):
        visitors.arrive("203.0.113.7").deadline.wait_for(Phase.NOTHING)
    assert visitors.cut == []
    visitors.arrive("203.0.113.7")
    assert visitors.cut == [0]
    visitors.arrive("203.0.113.7")
    assert visitors.cut == [0, 2 * BUSY_SHARE]


async def test_those_that_have_signed_in_do_not_count(visitors: Visitors) -> None:
    for _ in range(10):
        visitors.arrive("203.0.113.7").sign_in(ALICE)
    visitors.arrive("203.0.113.7")
    visitors.arrive("203.0.113.7")
    assert visitors.cut == []


async def test_those_that_have_signed_in_by_name_do_not_count(visitors: Visitors) -> None:
    for number in range(10):
        visitors.arrive("203.0.113.7").sign_in_as(f"mqtt:pump-{number}")
    visitors.arrive("203.0.113.7")
    assert visitors.cut == []


async def test_above_the_limit_the_oldest_idle_one_of_an_account_is_cut_off(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "ACCOUNT_LIMIT", 2)
    for who in (ALICE, ALICE, ALICE, PUMP, PUMP, ALICE):
        visit = visitors.arrive("203.0.113.7")
        visit.deadline.wait_for(Phase.NOTHING)  # while the request is answered
        visit.sign_in(who)
        visit.sign_in(who)
    assert visitors.cut == []
    visitors.visits[1].deadline.wait_for(Phase.IDLE)
    visitors.arrive("203.0.113.7").sign_in(ALICE)
    assert visitors.cut == [1]


async def test_those_that_have_left_do_not_count(visitors: Visitors) -> None:
    for _ in range(10):
        visitors.arrive("203.0.113.7").end()
    assert visitors.cut == []


@pytest.mark.parametrize("host", [None, "10.0.0.2"])
async def test_a_proxy_and_a_unix_socket_have_no_limit(visitors: Visitors, settings: Any, host: str | None) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/24"),)
    for _ in range(10):
        visitors.arrive(host)
    assert visitors.cut == []


async def test_0_is_no_limit(visitors: Visitors, settings: Any) -> None:
    settings.ADDRESS_LIMIT = 0
    for _ in range(10):
        visitors.arrive("203.0.113.7")
    assert visitors.cut == []


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("somewhere", "somewhere"),
    ],
)
def test_ipv6_counts_by_64_bits(host: str, network: str) -> None:
    assert _network(host) == network
