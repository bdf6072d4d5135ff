"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random


class Backoff:
    """Pauses that double after each failure, from `first_s` to `longest_s`, and differ between clients: a broker that
    comes back must not be met by all of them at once."""

    def __init__(self, first_s: float = 0.25, longest_s: float = 15.0) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._ceiling_s = first_s

    def reset(self) -> None:
        """Call it after a connection that lasted."""
        self._ceiling_s = self._first_s

    def next_s(self) -> float:
        """Seconds until the next attempt."""
        pause_s = scattered(self._ceiling_s)
        self._ceiling_s = min(2 * self._ceiling_s, self._longest_s)
        return pause_s


def scattered(seconds: float) -> float:
    """A random time in the upper half of `seconds`."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - only to scatter
