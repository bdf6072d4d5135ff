"""The process of the demo devices, restarted whenever it ends."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger("hubbub")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Pause before a restart; it doubles each time."""
PROVEN_S = 60.0
"""After a run of this length the next pause is the first one again."""


async def keep_running(*command: str) -> None:
    """Runs the command for ever. Its standard input is a pipe that closes when this process ends.

    When cancelled, it terminates the process and waits for its end.
    """
    clock = asyncio.get_running_loop().time
    pause_s = FIRST_PAUSE_S
    while True:
        began = clock()
        try:
            end = f"ended with {await _run(command)}"
        except OSError as error:
            end = f"cannot be started: {error}"
        if clock() - began >= PROVEN_S:
            pause_s = FIRST_PAUSE_S
        logger.warning("the simulator %s; it is restarted in %g s", end, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _run(command: tuple[str, ...]) -> int:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C must reach only the hub, which stops its parts in order
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
