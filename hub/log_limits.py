"""Keeps what an attacker can repeat from filling the log: one line a minute of each kind."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from devices.runtime import stats
from devices.runtime.log_throttle import LogThrottle, suffix

MAX_TEXT = 500

_SECURITY = "django.security"
_REFUSED = {f"{_SECURITY}.DisallowedHost": "host", f"{_SECURITY}.csrf": "csrf"}
"""Logger -> the reason in the counter of refused requests."""
_ACCEPT = "socket.accept() out of system resource"
_REPEATED = ("Invalid HTTP request received.", "Unsupported upgrade request.", _ACCEPT)
"""How the texts begin that uvicorn and asyncio log for each request or connection at fault."""


class OnceAMinute(logging.Filter):
    """Lets through one record of a kind in a minute, without its traceback, and counts them.

    A kind is a logger of Django's security, or one of the texts above; anything else passes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[str, LogThrottle] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "is_limited", False):  # by this filter of its logger, before that of the handler
            return True
        kind = _kind(record)
        if kind is None:
            return True
        _count(kind)
        left_out = self._kinds.setdefault(kind, LogThrottle(self._clock)).count()
        if left_out is None:
            return False
        record.msg, record.args = record.getMessage()[:MAX_TEXT] + suffix(left_out), ()
        record.exc_info = record.exc_text = None
        record.is_limited = True
        return True


def _kind(record: logging.LogRecord) -> str | None:
    if record.name.startswith(_SECURITY):
        return record.name
    text = str(record.msg)
    return next((known for known in _REPEATED if text.startswith(known)), None)


def _count(kind: str) -> None:
    if kind in _REFUSED:
        stats.requests_rejected.labels(_REFUSED[kind]).inc()
    elif kind == _ACCEPT:
        stats.accept_errors.inc()


_once_a_minute = OnceAMinute()


def of_security() -> OnceAMinute:
    """The filter for a handler: Django has a logger for each kind of suspicious request."""
    return _once_a_minute


def limit_servers() -> None:
    """Limits what servers log by themselves, whoever has configured their handlers."""
    for name in ("asyncio", "uvicorn.error"):
        logging.getLogger(name).addFilter(_once_a_minute)
