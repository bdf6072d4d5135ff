"""Waiting for what another process, a thread or real time brings about: poll often, and allow a slow machine time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

WAIT_S = 60.0
"""How long anything may take on a slow, shared machine. A healthy one needs a fraction of it."""
POLL_S = 0.02


def eventually(holds: Callable[[], Any], within_s: float = WAIT_S) -> float:
    """Seconds until it held. Raises `AssertionError` if it does not hold in time."""
    began = time.monotonic()
    while not holds():
        _check_time(holds, began, within_s)
        time.sleep(POLL_S)
    return time.monotonic() - began


async def eventually_async(holds: Callable[[], Awaitable[Any] | Any], within_s: float = WAIT_S) -> float:
    """The same on an event loop; `holds` may be a coroutine function."""
    began = time.monotonic()
    while True:
        held = holds()
        if await held if inspect.isawaitable(held) else held:
            return time.monotonic() - began
        _check_time(holds, began, within_s)
        await asyncio.sleep(POLL_S)


def _check_time(holds: Callable[[], Any], began: float, within_s: float) -> None:
    if time.monotonic() - began > within_s:
        code = getattr(holds, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(holds)
        raise AssertionError(f"{place} did not hold within {within_s:g} s")
