"""Refuses logins of devices and programs from networks that have sent wrong secrets, without looking up the account."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

logger = logging.getLogger("hubbub.logins")

MAX_REMEMBERED = 20_000
"""Networks, and pairs of network and account, whose failures are remembered; past it the oldest are forgotten."""
MAX_TRUSTED = 100_000
"""Pairs of network and account that have signed in, and are remembered: those of several large networks at once."""
MAX_ACCOUNT = 150
"""Characters of an account's name that are remembered. A longer one is nobody's, but some kilobytes may come as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleLimits:
    """After so many wrong secrets within the window, further ones are refused without a look-up."""

    failures_per_account: int = 10  # from one network
    failures_per_network: int = 300
    window_s: float = 60.0
    further_look_ups_per_s: float = 20.0  # of a network that has failed too often


class KnownAccounts(Protocol):
    """Who has signed in from where, also before this process was started."""

    async def at(self, network: str) -> Iterable[str]:
        """The accounts that have signed in from the network, those to forget first before the others.

        May raise, for example while the database is unavailable; until it succeeds, no account counts as known.
        """

    def add(self, network: str, account: str) -> None:
        """Records a sign-in. Called at each of them, so it has to be quick."""


class NobodyKnown:
    """For accounts whose sign-ins are not kept."""

    async def at(self, network: str) -> Iterable[str]:
        return ()

    def add(self, network: str, account: str) -> None:
        pass


class LoginThrottle:
    """Counts failures per network and account, and per network.

    An account that has signed in from a network before is always looked up there: thousands of devices may share one
    address, and one that guesses, or has a wrong secret, must not lock out the others. For those that have not, a few
    look-ups a second go on. Not thread-safe: it belongs to one event loop.
    """

    def __init__(
        self,
        limits: ThrottleLimits | None = None,
        known: KnownAccounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = limits or ThrottleLimits()
        self._known = known or NobodyKnown()
        self._of_accounts = _Failures(limits.failures_per_account, limits.window_s, clock)
        self._of_networks = _Failures(limits.failures_per_network, limits.window_s, clock)
        self._further = _Pace(limits.further_look_ups_per_s, clock)
        self._trusted: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._recalls = _Recalls(self._recall, limits.window_s, clock)

    async def wait_s(self, network: str, account: str) -> float:
        """Seconds until another try may be looked up; 0: this one is."""
        key = _key(network, account)
        if key in self._trusted or not self.too_many_failures(network, account):
            return 0
        await self._recalls.once(network)
        if key in self._trusted:
            return 0
        return self._of_accounts.wait_s(key) or self._further.wait_s(network)

    def too_many_failures(self, network: str, account: str) -> bool:
        """Whether the account, or its network, has failed too often."""
        return self._of_accounts.wait_s(_key(network, account)) > 0 or self._of_networks.wait_s(network) > 0

    def failed(self, network: str, account: str) -> None:
        """The secret was wrong."""
        self._of_accounts.add(_key(network, account))
        self._of_networks.add(network)

    def succeeded(self, network: str, account: str) -> None:
        """The secret was right."""
        self._trust(network, account)
        self._known.add(network, account)

    def _trust(self, network: str, account: str) -> None:
        _put(self._trusted, _key(network, account), None, MAX_TRUSTED)

    async def _recall(self, network: str) -> None:
        for account in await self._known.at(network):
            self._trust(network, account)


class _Recalls:
    """Recalls who is known at a network, once in a window: an attack must not turn into as many queries."""

    def __init__(self, recall: Callable[[str], Any], window_s: float, clock: Callable[[], float]) -> None:
        self._recall, self._window_s, self._clock = recall, window_s, clock
        self._recalls: OrderedDict[str, tuple[float, asyncio.Task[None]]] = OrderedDict()

    async def once(self, network: str) -> None:
        """Returns once it is recalled. Logins at the same time wait for the same recall."""
        at, recall = self._recalls.get(network, (0.0, None))
        if recall is None or (recall.done() and self._clock() - at >= self._window_s):
            recall = asyncio.create_task(self._attempt(network))
            _put(self._recalls, network, (self._clock(), recall))
        await asyncio.shield(recall)  # a login that is cancelled must not cancel it for the others

    async def _attempt(self, network: str) -> None:
        try:
            await self._recall(network)
        except Exception as error:
            logger.warning("The accounts known at a network cannot be looked up: %s", type(error).__name__)
            self._recalls.pop(network, None)


class _Failures:
    """Failures by key, forgotten all at once when the first of them is older than the window."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float]) -> None:
        self._limit, self._window_s, self._clock = limit, window_s, clock
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def add(self, key: Hashable) -> None:
        now = self._clock()
        since, count = self._counts.get(key, (now, 0))
        _put(self._counts, key, (now, 1) if now - since >= self._window_s else (since, count + 1))

    def wait_s(self, key: Hashable) -> float:
        """Seconds until there are few enough."""
        since, count = self._counts.get(key, (0.0, 0))
        return max(0.0, since + self._window_s - self._clock()) if count >= self._limit else 0.0


class _Pace:
    """Admits so many calls a second for each key, evenly spread."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._gap_s, self._clock = 1 / per_s, clock
        self._admitted_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait_s(self, key: Hashable) -> float:
        """Seconds until the next call is admitted; 0: this one is."""
        now = self._clock()
        left = self._admitted_at.get(key, float("-inf")) + self._gap_s - now
        if left > 0:
            return left
        _put(self._admitted_at, key, now)
        return 0.0


def _key(network: str, account: str) -> tuple[str, str]:
    return network, account[:MAX_ACCOUNT]


def _put(kept: OrderedDict[Any, Any], key: Hashable, value: object, most: int | None = None) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > (most or MAX_REMEMBERED):
        kept.popitem(last=False)
