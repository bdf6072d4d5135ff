"""The process of the demo devices, started again when it dies."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger("hubbub")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Before it is started again; twice as long each time that it dies."""
PROVEN_S = 60.0
"""One that lived so long was a good one: the next pause is the first again."""


async def keep_running(*command: str) -> None:
    """Runs the command for ever; its standard input ends with us. Cancelled, it asks the process to end and waits."""
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
        logger.warning("the simulator %s; it is started again in %g s", end, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _run(command: tuple[str, ...]) -> int:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the hub's to pass on, in order
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
