"""Slows down addresses that send wrong secrets."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from devices.runtime.addresses import network_of

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
        since, count = self._failures.get(network_of(address), (0.0, 0))
        left = since + WINDOW_S - self._clock()
        return math.ceil(left) if count >= MAX_FAILURES and left > 0 else 0

    def trusts(self, address: str, uid: str) -> bool:
        """Whether `uid` has sent its correct secret from this address before.

        Its secret is checked whatever the others did: behind a proxy all devices share one address, and one client
        that guesses must not lock out the rest.
        """
        return (network_of(address), uid) in self._trusted

    def failed(self, address: str) -> None:
        """Records a wrong secret."""
        network, now = network_of(address), self._clock()
        since, count = self._failures.pop(network, (now, 0))
        self._failures[network] = (now, 1) if now - since >= WINDOW_S else (since, count + 1)
        _trim(self._failures)

    def succeeded(self, address: str, uid: str) -> None:
        """Records a correct secret."""
        self._trusted[network_of(address), uid] = None
        self._trusted.move_to_end((network_of(address), uid))
        _trim(self._trusted)


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > MAX_REMEMBERED:
        kept.popitem(last=False)
