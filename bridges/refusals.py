"""Every refused message is counted; the log names each reason of each device at most once a minute."""

from __future__ import annotations

import logging
import time

from devices import stats
from devices.errors import Refusal

logger = logging.getLogger("hubbub.refusals")

QUIET_S = 60.0
MAX_REMEMBERED = 10_000

_logged: dict[tuple[str, str], float] = {}


def note(refusal: Refusal, kind: str, uid: str) -> None:
    """Counts a refusal and, unless the same was logged a moment ago, logs it."""
    stats.refused.labels(refusal.reason).inc()
    now = time.monotonic()
    if now - _logged.get((uid, refusal.reason), -QUIET_S) < QUIET_S:
        return
    if len(_logged) >= MAX_REMEMBERED:
        _logged.clear()
    _logged[uid, refusal.reason] = now
    logger.warning("refused a %s message of %s: %s: %s", kind, uid or "nobody", refusal.reason, refusal.message)
