"""Of all bridges of a broker one leads: it does what must be done once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from devices.errors import Unavailable
from devices.runtime.locks import exclusive_lock

logger = logging.getLogger("hubbub.bridge")

CHECK_S = 2.0
"""How often a bridge checks whether there is no leader."""


async def compete_for_lead(broker: str, on_change: Callable[[bool], None]) -> None:
    """Until cancelled. `on_change(True)` is called for one of all bridges of this broker, and for another once it ends.

    While the database is unavailable nothing changes: without it a leader can do nothing, and nobody can become one.
    """
    lock = exclusive_lock(f"leader at {broker}")
    leading = False
    try:
        while True:
            with suppress(Unavailable):
                if (held := await lock.acquire()) != leading:
                    leading = held
                    logger.info("this bridge %s those of broker %s", "leads" if leading else "no longer leads", broker)
                    on_change(leading)
            await asyncio.sleep(CHECK_S)
    finally:
        await lock.release()
