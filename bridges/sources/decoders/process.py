"""The hub's side of one worker."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bridges.sources.decoders.calls import LENGTH_BYTES, Call, CallBatch, Outcome, encode, frame, read_outcomes
from bridges.sources.decoders.limits import MAX_SCRIPTS, WALL_S

START_S = 20.0
"""How long a worker may take to start on a machine that is busy with something else."""
_ROOT = Path(__file__).resolve().parents[3]
_CODE = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from bridges.sources.decoders.worker import main; main()"


class WorkerLost(Exception):
    """It ended or did not answer in time. It has to be replaced, and nothing is known of its batch."""


class WorkerProcess:
    """Runs one batch at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._scripts: OrderedDict[str, None] = OrderedDict()

    @classmethod
    async def start(cls) -> WorkerProcess:
        """Returns once it is ready. It inherits nothing but its three streams, and no variable of our environment.

        Ctrl-C in our terminal does not reach it: it is needed until the last message is stored.

        Raises `WorkerLost`, and `OSError` where no process can be started.
        """
        started = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", _CODE), stdin=PIPE, stdout=PIPE, env={}, start_new_session=True
            )
        )
        await started._answer(CallBatch("", "", []), START_S)
        return started

    async def run(self, key: str, script: str, calls: Sequence[Call]) -> list[Outcome]:
        """The outcomes of the first calls, of one at least. Raises `WorkerLost`, and then it has been killed."""
        batch = CallBatch(key, None if key in self._scripts else script, list(calls))
        self._scripts[key] = None
        self._scripts.move_to_end(key)
        while len(self._scripts) > MAX_SCRIPTS:
            self._scripts.popitem(last=False)
        return await self._answer(batch, WALL_S)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Kills it and waits for its end."""
        self.kill()
        await self._process.wait()

    async def _answer(self, batch: CallBatch, timeout_s: float) -> list[Outcome]:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(frame(encode(batch)))
        except (TimeoutError, OSError, EOFError) as error:
            self.kill()
            raise WorkerLost(type(error).__name__) from None
        except asyncio.CancelledError:
            self.kill()
            raise

    async def _exchange(self, request: bytes) -> list[Outcome]:
        sink, source = self._process.stdin, self._process.stdout
        assert sink is not None  # noqa: S101
        assert source is not None  # noqa: S101
        sink.write(request)
        await sink.drain()
        length = int.from_bytes(await source.readexactly(LENGTH_BYTES))
        return read_outcomes(await source.readexactly(length))
