"""Log lines about what a client can repeat as often as it likes: one a minute, with the number of those left out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

GAP_S = 60.0


class LogThrottle:
    """One kind of event, which is logged at most once in `GAP_S`."""

    __slots__ = ("_clock", "_left_out", "_logged_at")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at = float("-inf")
        self._left_out = 0

    def warning(self, logger: logging.Logger, text: str) -> None:
        left_out = self.count()
        if left_out is not None:
            logger.warning("%s%s", text, suffix(left_out))

    def count(self) -> int | None:
        """Counts the event; returns how many were left out before it, or `None` if it is to be left out too."""
        now = self._clock()
        if now - self._logged_at < GAP_S:
            self._left_out += 1
            return None
        self._logged_at = now
        left_out, self._left_out = self._left_out, 0
        return left_out


def suffix(left_out: int) -> str:
    return f" ({left_out} more since the last line)" if left_out else ""
