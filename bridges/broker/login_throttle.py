"""Refuses logins from networks that have sent wrong secrets, without looking up the account."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from .limits import Limits

MAX_REMEMBERED = 20_000
"""Networks, and pairs of network and account, that are remembered; past it the oldest are forgotten."""


class LoginThrottle:
    """Counts failures per network and account, and per network.

    An account that has signed in from a network before is always looked up there: thousands of devices may share one
    address, and one that guesses, or has a wrong secret, must not lock out the others. After a restart of the hub none
    of them has signed in yet, so a few look-ups a second go on.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        window_s = limits.failed_logins_window_s
        self._of_accounts = _Failures(limits.failed_logins_per_account, window_s, clock)
        self._of_networks = _Failures(limits.failed_logins_per_network, window_s, clock)
        self._further = _Pace(limits.further_look_ups_per_s, clock)
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()

    def refuses(self, network: str, account: str) -> bool:
        """Whether a login is refused as it is."""
        if (network, account) in self._trusted:
            return False
        if self._of_accounts.too_many((network, account)):
            return True
        return self._of_networks.too_many(network) and not self._further.admits(network)

    def too_many_failures(self, network: str, account: str) -> bool:
        """Whether the account, or its network, has failed too often."""
        return self._of_accounts.too_many((network, account)) or self._of_networks.too_many(network)

    def failed(self, network: str, account: str) -> None:
        """The secret was wrong."""
        self._of_accounts.add((network, account))
        self._of_networks.add(network)

    def succeeded(self, network: str, account: str) -> None:
        """The secret was right."""
        self._trusted[network, account] = None
        self._trusted.move_to_end((network, account))
        _trim(self._trusted)


class _Failures:
    """Failures by key, forgotten all at once when the first of them is older than the window."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float]) -> None:
        self._limit, self._window_s, self._clock = limit, window_s, clock
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def add(self, key: Hashable) -> None:
        now = self._clock()
        since, count = self._counts.pop(key, (now, 0))
        self._counts[key] = (now, 1) if now - since >= self._window_s else (since, count + 1)
        _trim(self._counts)

    def too_many(self, key: Hashable) -> bool:
        since, count = self._counts.get(key, (0.0, 0))
        return count >= self._limit and self._clock() - since < self._window_s


class _Pace:
    """Admits so many calls a second for each key, evenly spread."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._gap_s = 1 / per_s
        self._clock = clock
        self._admitted_at: OrderedDict[Hashable, float] = OrderedDict()

    def admits(self, key: Hashable) -> bool:
        now = self._clock()
        if now - self._admitted_at.get(key, float("-inf")) < self._gap_s:
            return False
        self._admitted_at[key] = now
        self._admitted_at.move_to_end(key)
        _trim(self._admitted_at)
        return True


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > MAX_REMEMBERED:
        kept.popitem(last=False)
