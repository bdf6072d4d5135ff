"""Slows down addresses that send wrong secrets."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MAX_FAILURES = 30
"""Wrong secrets from one address within `WINDOW_S`; further requests are refused without checking their secret."""
WINDOW_S = 60.0
MAX_REMEMBERED = 10_000
"""Addresses, and pairs of address and uid, that are remembered; past it the oldest is forgotten."""


class FailureThrottle:
    """Counts failures per address. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Whole seconds until the next secret from the address is checked; 0: at once."""
        since, count = self._failures.get(_network(address), (0.0, 0))
        left = since + WINDOW_S - self._clock()
        return math.ceil(left) if count >= MAX_FAILURES and left > 0 else 0

    def trusts(self, address: str, uid: str) -> bool:
        """Whether `uid` has sent its correct secret from this address before.

        Its secret is checked whatever the others did: behind a proxy all devices share one address, and one client
        that guesses must not lock out the rest.
        """
        return (_network(address), uid) in self._trusted

    def failed(self, address: str) -> None:
        """Records a wrong secret."""
        network, now = _network(address), self._clock()
        since, count = self._failures.pop(network, (now, 0))
        self._failures[network] = (now, 1) if now - since >= WINDOW_S else (since, count + 1)
        _trim(self._failures)

    def succeeded(self, address: str, uid: str) -> None:
        """Records a correct secret."""
        self._trusted[_network(address), uid] = None
        self._trusted.move_to_end((_network(address), uid))
        _trim(self._trusted)


def _network(address: str) -> str:
    """The address, or its /64 network for IPv6, where a single host has 2**64 addresses."""
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
