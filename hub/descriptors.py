"""File descriptors: each connection takes one, and the usual limit of 1,024 is reached by one busy host."""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger("hubbub")

MOST = 1_048_576
"""More is not asked for, where the system sets no limit itself."""


def raise_limit() -> int:
    """Raises the limit of this process as far as the system allows, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError) as error:
        logger.warning("the limit of open files stays at %d: %s", soft, error)
        return soft
    return most
