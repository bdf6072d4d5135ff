"""Connections that Twisted cannot accept."""

from __future__ import annotations

import logging
from typing import Any

from twisted.logger import globalLogPublisher

from devices.runtime import stats
from devices.runtime.log_throttle import LogThrottle

logger = logging.getLogger("hubbub")

_TEXTS = ("Could not accept new connection", "EMFILE encountered")
_failures = LogThrottle()


def patch() -> None:
    """Counts the connections that cannot be accepted, and logs that once a minute.

    Failure: Daphne has Twisted log to nowhere, so that a hub without file descriptors refuses everybody in silence.
    Unnecessary once Daphne passes on what Twisted logs (it does at `--verbosity 2` only; no issue asks for more).
    """
    globalLogPublisher.addObserver(_note)  # type: ignore[arg-type]  # any callable observes


def _note(event: Any) -> None:
    if str(event.get("log_format", "")).startswith(_TEXTS):
        stats.accept_errors.inc()
        _failures.warning(logger, "cannot accept connections: no file descriptor is left")
