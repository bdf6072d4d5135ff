"""How long somebody stays out whose connection was closed because of what it sent.

Without it a client that floods comes back at once, and each time costs a handshake, a look-up and snapshots.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

from dashboards.live.errors import CloseCode

PENALIZED = frozenset([CloseCode.BAD_FRAMES, CloseCode.TOO_MANY])

FIRST_S, LONGEST_S = 1.0, 30.0
"""The first penalty, which doubles with each further one, up to the longest."""
QUIET_S = 60.0
"""After so long without another one, they begin with the first again."""
MAX_REMEMBERED = 10_000
"""People and logins; past it the one whose last penalty was imposed longest ago is forgotten."""


class _Penalty(NamedTuple):
    length_s: float
    ends_at: float


class Penalties:
    """Of this process. A key is a person's id, or a login: that one is known without a look-up."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._penalties: OrderedDict[Hashable, _Penalty] = OrderedDict()

    def impose(self, key: Hashable) -> None:
        now = self._clock()
        before = self._penalties.pop(key, None)
        length_s = FIRST_S
        if before is not None and now - before.ends_at < QUIET_S:
            length_s = min(LONGEST_S, 2 * before.length_s)
        self._penalties[key] = _Penalty(length_s, now + length_s)
        if len(self._penalties) > MAX_REMEMBERED:
            self._penalties.popitem(last=False)

    def wait_s(self, key: Hashable) -> float:
        """Seconds until new connections are admitted again; 0: now."""
        penalty = self._penalties.get(key)
        return max(0.0, penalty.ends_at - self._clock()) if penalty else 0.0
