"""Look-ups of logins and secrets, so that those of one network address do not hold up everybody else's."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from devices.errors import TooMany
from devices.runtime import database, stats
from devices.runtime.addresses import network_of

P = ParamSpec("P")
R = TypeVar("R")

AT_ONCE = 2
"""Look-ups of one network address that run, or wait for a thread."""
MAX_WAITING = 1_000
"""Look-ups of one network address that wait behind these. Beyond it they are refused, and counted."""


class _Network:
    """The look-ups of one network address."""

    def __init__(self) -> None:
        self.places = Semaphore(AT_ONCE)
        self.count = 0


class LoginChecks:
    """For one event loop."""

    def __init__(self) -> None:
        self._networks: dict[str, _Network] = {}

    @asynccontextmanager
    async def place(self, address: str) -> AsyncIterator[None]:
        """For one look-up of this address. Raises `TooMany`."""
        name = network_of(address) or address
        network = self._networks.setdefault(name, _Network())
        if network.count >= AT_ONCE + MAX_WAITING:
            stats.operations_refused.labels("login checks").inc()
            raise TooMany("too many logins from this network address are being checked; try again in a moment")
        network.count += 1
        try:
            async with network.places:
                yield
        finally:
            network.count -= 1
            if not network.count:
                del self._networks[name]

    async def run(self, address: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls `function(*args)` in one of the threads for sign-ins. Raises `TooMany`."""
        async with self.place(address):
            return await database.run_sign_in(function, *args, **kwargs)


checks = LoginChecks()
"""Of this process."""
