"""Refused logins that are answered late, so that a client which tries again at once costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .limits import Limits


class DelayedRefusals:
    """Each is answered after `Limits.refusal_delay_s`. While more than `delayed_refusals` are waiting, the oldest is
    answered early."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[asyncio.TimerHandle, Callable[[], None]] = {}  # the oldest first

    def add(self, answer: Callable[[], None]) -> None:
        """`answer` is called later. It must be harmless for a connection that has ended."""

        def due() -> None:
            del self._waiting[timer]
            answer()

        timer = asyncio.get_running_loop().call_later(self._limits.refusal_delay_s, due)
        self._waiting[timer] = answer
        if len(self._waiting) > self._limits.delayed_refusals:
            oldest = next(iter(self._waiting))
            oldest.cancel()
            self._waiting.pop(oldest)()

    def close(self) -> None:
        """The broker stops."""
        for timer in self._waiting:
            timer.cancel()
        self._waiting.clear()
