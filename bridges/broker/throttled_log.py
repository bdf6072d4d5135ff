"""A log for warnings that a misbehaving client can cause at will: each reason at most once in an interval."""

from __future__ import annotations

import logging
from time import monotonic

log = logging.getLogger("hubbub.broker")

INTERVAL_S = 60.0


class ThrottledLog:
    """`warn` names the reason; the warnings left out in an interval are counted in the reason's next line."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warn(self, reason: str, text: str, *args: object) -> None:
        """Give clients' own texts with `%r`: a line break in a name must not forge a line of the log."""
        now = monotonic()
        if now < self._next.get(reason, 0.0):
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
            return
        self._next[reason] = now + INTERVAL_S
        left_out = self._left_out.pop(reason, 0)
        if left_out:
            text += " (and %d times more before)"
            args = (*args, left_out)
        log.warning(text, *args)
