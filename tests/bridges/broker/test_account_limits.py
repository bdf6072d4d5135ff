"""An account that acts for many devices has bounds of its own, and does not use up those of others."""

from __future__ import annotations

from collections import Counter

from bridges.broker.limits import AccountLimits, Limits
from bridges.broker.publication import Publication
from bridges.broker.retained import Retained

OWN = AccountLimits(payload_bytes=1_000, retained_messages=5, retained_bytes=10_000)


def kept(retained: Retained, account: str, number: int) -> int:
    """How many of so many messages are kept."""
    return sum(retained.keep(Publication(f"{account}/{n}", b"x", 1, retain=True), account) for n in range(number))


def test_it_retains_as_much_as_its_limits_say() -> None:
    retained = Retained(Limits(retained_messages=3, account_retained_messages=2), Counter())
    retained.grant("bridge", OWN)
    assert kept(retained, "bridge", 10) == 5
    assert kept(retained, "pump", 10) == 2  # nothing of the bridge counts against the others
    assert kept(retained, "valve", 10) == 1
    retained.forget("bridge")
    assert kept(retained, "bridge", 10) == 5


def test_limits_that_are_granted_later_count_what_is_there() -> None:
    retained = Retained(Limits(retained_messages=3, account_retained_messages=2), Counter())
    assert kept(retained, "bridge", 10) == 2
    retained.grant("bridge", OWN)
    retained.grant("bridge", OWN)
    assert kept(retained, "pump", 10) == 2
    assert kept(retained, "bridge", 10) == 5
