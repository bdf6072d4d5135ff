"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

FIRST_S, MOST_S = 0.5, 5.0
REFUSED_S = 30.0
"""After refused credentials: they seldom become right by asking again, and each attempt costs the broker a hash."""


class Backoff:
    """Twice as long after each failure, and never the same for two devices: a broker that comes back must not be
    met by all of them at once."""

    def __init__(self) -> None:
        self._ceiling_s = FIRST_S

    def reset(self) -> None:
        """After a connection that held."""
        self._ceiling_s = FIRST_S

    def next_s(self) -> float:
        """Seconds until the next attempt."""
        delay_s = _scattered(self._ceiling_s)
        self._ceiling_s = min(2 * self._ceiling_s, MOST_S)
        return delay_s

    def refused_s(self) -> float:
        """Seconds until the next attempt after a refusal."""
        return _scattered(REFUSED_S)


def _scattered(ceiling_s: float) -> float:
    return ceiling_s * random.uniform(0.5, 1)  # noqa: S311 - only to scatter
