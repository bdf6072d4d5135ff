"""Holds up addresses that try wrong secrets."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MAX_FAILURES = 30
"""Wrong secrets from one address within `WINDOW_S`; what is past them is answered without a look."""
WINDOW_S = 60.0
MAX_REMEMBERED = 10_000
"""Addresses, and pairs of address and uid, that are kept; past it the oldest is forgotten."""


class FailureThrottle:
    """Counts failures per address. For one event loop; not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Whole seconds until the address may fail again; 0: at once."""
        since, count = self._failures.get(_network(address), (0.0, 0))
        left = since + WINDOW_S - self._clock()
        return math.ceil(left) if count >= MAX_FAILURES and left > 0 else 0

    def trusts(self, address: str, uid: str) -> bool:
        """Whether `uid` has given its right secret from here before.

        Its secret is looked at all the same: behind a proxy all devices share one address, where somebody's
        guessing must not shut out the others.
        """
        return (_network(address), uid) in self._trusted

    def failed(self, address: str) -> None:
        """Notes a wrong secret."""
        network, now = _network(address), self._clock()
        since, count = self._failures.pop(network, (now, 0))
        self._failures[network] = (now, 1) if now - since >= WINDOW_S else (since, count + 1)
        _trim(self._failures)

    def succeeded(self, address: str, uid: str) -> None:
        """Notes a right secret."""
        self._trusted[_network(address), uid] = None
        self._trusted.move_to_end((_network(address), uid))
        _trim(self._trusted)


def _network(address: str) -> str:
    """The address, or its /64 for IPv6: a single host there has 2**64 of them."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address):
        return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > MAX_REMEMBERED:
        kept.popitem(last=False)
