"""The workers of a process and what waits for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from django.db import Error as DatabaseError

from bridges.codec import payloads
from bridges.sources.decoders.assigned import Assigned
from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.limits import MAX_BATCH, WALL_S, WORKERS
from bridges.sources.decoders.process import WorkerLost, WorkerProcess
from bridges.sources.decoders.waiting import DecoderQueue, Job, Script
from devices.errors import Refusal, SkippedValues
from devices.registry import decoders
from devices.runtime import database, stats
from devices.values import Telemetry

logger = logging.getLogger("hubbub.decoders")

MAX_ALL_WAITING = 20_000
"""Messages that wait for all decoders together."""
RESTART_S = 1.0
"""Pause after a worker that could not be started."""


class Decoded(msgspec.Struct, frozen=True):
    """`json`: telemetry in the hub's own form. `warnings`: of the script."""

    json: bytes
    warnings: SkippedValues | None = None

    def telemetry(self, received_at: int) -> Telemetry:
        """Raises `Refusal`."""
        return payloads.decode_telemetry(self.json, received_at)


class Downlink(msgspec.Struct, frozen=True):
    bytes: list[int]
    f_port: int = msgspec.field(name="fPort")


class Pool:
    """Everything is called on its event loop. Workers are started with the first message."""

    def __init__(self) -> None:
        self.assignments = Assigned()
        self._queues: dict[int, DecoderQueue] = {}
        self._ready: asyncio.Queue[DecoderQueue] = asyncio.Queue()
        self._waiting = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def decode(self, decoder: int, payload: bytes, f_port: int | None, at: int) -> Decoded:
        """Raises the `Refusal` of the script, or of a script that is not run. `at`: microseconds."""
        outcome = await self._call(decoder, Call(payload, f_port or 0, at // 1000))
        return Decoded(outcome.json, warnings_of(outcome))

    async def encode(self, decoder: int, data: dict[str, Any]) -> Downlink:
        """What the script makes of a command's arguments. Raises `Refusal`."""
        outcome = await self._call(decoder, Call(msgspec.json.encode(data), is_downlink=True))
        try:
            return msgspec.json.decode(outcome.json, type=Downlink)
        except msgspec.ValidationError as error:
            raise Refusal("decoder_result", str(error)) from None

    async def run(self, owner: str, text: str, calls: Sequence[Call]) -> list[Outcome]:
        """Runs a script that need not be stored, as somebody tries it. Its troubles are its owner's, and nobody
        else's: it waits in a queue of its own."""
        queue = DecoderQueue(-1, Script.of(owner, text))
        found = []
        for call in calls:
            future, done = _future()
            found.append(future)
            self._put(queue, Job(call, done))
        return list(await asyncio.gather(*found))

    def submit(self, decoder: int, call: Call, done: Callable[[Outcome], None], sender: str = "") -> None:
        """Calls `done` with the outcome, later or, where it is refused without being run, at once. A port of 0 is the
        decoder's own."""
        queue = self._queues.get(decoder)
        if queue is None:
            queue = self._queues[decoder] = DecoderQueue(decoder)
        if queue.is_full_for(sender) or self._waiting >= MAX_ALL_WAITING:
            stats.dropped.labels("decoder").inc()
            done(_counted(Outcome(reason="decoder_busy", detail=f"{len(queue.waiting)} wait")))
            return
        self._put(queue, Job(call, done, sender))

    async def close(self) -> None:
        """Ends the workers. Whatever waits is not decoded, unless more is submitted."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, decoder: int, call: Call) -> Outcome:
        future, done = _future()
        self.submit(decoder, call, done)
        outcome = await future
        if outcome.reason:
            raise refusal_of(outcome)
        return outcome

    def _put(self, queue: DecoderQueue, job: Job) -> None:
        queue.put(job)
        self._waiting += 1
        if not queue.is_scheduled:
            queue.is_scheduled = True
            self._ready.put_nowait(queue)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work(), name=f"decoder worker {n}") for n in range(WORKERS)]

    async def _work(self) -> None:
        """One worker and its successors. The queues take turns."""
        worker: WorkerProcess | None = None
        try:
            while True:
                queue = await self._ready.get()
                try:
                    if await self._is_runnable(queue):
                        worker = worker or await WorkerProcess.start()
                        await self._run_batch(worker, queue)
                except (WorkerLost, OSError) as error:
                    worker, lost = None, worker
                    await self._replace(lost, queue, error)
                except Exception:
                    logger.exception("the messages of decoder %d cannot be decoded", queue.decoder)
                    self._refuse_all(queue, "decoder_unavailable")
                queue.is_scheduled = bool(queue.waiting)
                if queue.is_scheduled:
                    self._ready.put_nowait(queue)
        finally:
            if worker is not None:
                await worker.close()

    async def _is_runnable(self, queue: DecoderQueue) -> bool:
        """Whether there is a script that may run; if not, nothing is left in the queue."""
        script = queue.script
        if queue.decoder >= 0 and (script is None or script.revision != self.assignments.revision(queue.decoder)):
            try:
                found = await database.run(decoders.script, queue.decoder)
            except DatabaseError:
                self._refuse_all(queue, "decoder_unavailable", "the database is unavailable")
                return False
            if found is None:
                self._queues.pop(queue.decoder, None)
                self._refuse_all(queue, "decoder_failed", "the decoder was deleted")
                return False
            queue.replace(Script.of(str(queue.decoder), *found))
        if queue.is_paused(time.monotonic()):
            self._refuse_all(queue, "decoder_paused")
            return False
        return True

    async def _run_batch(self, worker: WorkerProcess, queue: DecoderQueue) -> None:
        script = queue.script
        assert script is not None  # noqa: S101
        size = min(len(queue.waiting), 1 if queue.one_by_one else MAX_BATCH)
        jobs = [queue.waiting[i] for i in range(size)]
        for job in jobs:
            job.call.f_port = job.call.f_port or script.f_port
        outcomes = await worker.run(script.key, script.text, [job.call for job in jobs])
        for outcome in outcomes:
            self._finish(queue, outcome)
        if queue.is_paused(time.monotonic()):
            self._refuse_all(queue, "decoder_paused")

    async def _replace(self, worker: WorkerProcess | None, queue: DecoderQueue, error: Exception) -> None:
        """After a worker that did not come back, or could not be started: the message at fault is refused."""
        logger.warning("a worker was lost at decoder %d: %s", queue.decoder, error)
        stats.decoder_workers_killed.inc()
        if worker is None:
            self._refuse_all(queue, "decoder_unavailable")
            await asyncio.sleep(RESTART_S)
        elif queue.one_by_one or len(queue.waiting) == 1:
            self._finish(queue, Outcome(reason="decoder_timeout", detail=f"no answer within {WALL_S} s"))
            if queue.is_paused(time.monotonic()):
                self._refuse_all(queue, "decoder_paused")
        queue.one_by_one = True

    def _finish(self, queue: DecoderQueue, outcome: Outcome) -> None:
        queue.observe(outcome, time.monotonic())
        self._waiting -= 1
        queue.take().done(_counted(outcome))

    def _refuse_all(self, queue: DecoderQueue, reason: str, detail: str = "") -> None:
        while queue.waiting:
            self._finish(queue, Outcome(reason=reason, detail=detail))


def _future() -> tuple[asyncio.Future[Outcome], Callable[[Outcome], None]]:
    """A future, and what resolves it unless nobody waits any more."""
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def resolve(outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    return future, resolve


def refusal_of(outcome: Outcome) -> Refusal:
    """With the line of the script, where it is known."""
    where = f"line {outcome.line}" if outcome.line else ""
    return Refusal(outcome.reason, ": ".join(filter(None, (where, outcome.detail))))


def warnings_of(outcome: Outcome) -> SkippedValues | None:
    if not outcome.warnings:
        return None
    found = SkippedValues()
    for warning in outcome.warnings:
        found.add(Refusal("decoder_warning", warning))
    return found


def _counted(outcome: Outcome) -> Outcome:
    stats.decoded.labels(outcome.reason or "decoded").inc()
    return outcome


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


def pool() -> Pool:
    """That of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _pools.get(loop)
    if found is None:
        found = _pools[loop] = Pool()
    return found
