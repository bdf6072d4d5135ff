"""Look-ups of secrets that somebody may be guessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bridges.rest.errors import TooManyFailures
from devices.runtime import database
from devices.runtime.login_checks import checks
from devices.runtime.login_throttle import LoginThrottle

R = TypeVar("R")


async def look_up(throttle: LoginThrottle, network: str, account: str, find: Callable[[], R | None]) -> R | None:
    """What `find` returns; `None` counts as a failure of the account. Raises `TooManyFailures` and `TooMany`."""
    async with checks.place(network):
        # Only now: of many guesses at once, those that wait here are to see the failures of the others.
        if wait_s := await throttle.wait_s(network, account):
            raise TooManyFailures(wait_s)
        found = await database.run_sign_in(find)
        if found is None:
            throttle.failed(network, account)
        else:
            throttle.succeeded(network, account)
        return found
