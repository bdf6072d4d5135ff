"""Periodic work: the thread that works through a table of jobs. The table itself is `devices.jobs`."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections

from devices.errors import Unavailable
from devices.runtime import stats
from devices.runtime.locks import ExclusiveLock, exclusive_lock

logger = logging.getLogger("hubbub.worker")

LOCK_S = 3.0
"""How often a worker looks whether it is the one that works."""
STOP_S = 5.0
"""How long the step under way may take to end; after that it is left to the end of the process, uncommitted."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every_s` seconds.

    `work` does one short step, so that no other job and no end of the process waits for long. It returns whether there
    is more to do at once, or the events to publish, and may run in two processes at a time.
    """

    name: str
    every_s: float
    work: Callable[[], bool | Sequence[Any]]


Publish = Callable[[Sequence[Any]], Awaitable[None]]
"""Sends the events that a job returns."""


async def run_worker(stop: asyncio.Event, jobs: Iterable[Job], publish: Publish) -> None:
    """Works until `stop` is set. Of several workers over one database, one works and the others stand by.

    A job that fails, or whose database is unavailable, is tried again at its next turn.
    """
    worker, lock = _Worker(jobs, publish), exclusive_lock("worker")
    worker.start()
    holding = asyncio.create_task(_hold(lock, worker))
    await stop.wait()
    holding.cancel()
    worker.end()
    await asyncio.to_thread(worker.join, STOP_S)
    if worker.is_alive():
        logger.warning("the job under way did not end within %s s and is left undone", STOP_S)
    await asyncio.wait({holding})
    await lock.release()


async def _hold(lock: ExclusiveLock, worker: _Worker) -> None:
    """Lets the worker work while the lock is ours."""
    told = ""
    while True:
        try:
            held = await lock.hold()
            news = f"{'this' if held else 'another'} process does the periodic work"
        except Unavailable as error:
            held, news = False, f"no periodic work is done: {error}"
        (worker.allowed.set if held else worker.allowed.clear)()
        if news != told:
            logger.log(logging.DEBUG if held else logging.WARNING, news)
            told = news
        await asyncio.sleep(LOCK_S)


class _Worker(threading.Thread):
    """A daemon: a database that hangs in the middle of a statement must not keep the process from ending."""

    def __init__(self, jobs: Iterable[Job], publish: Publish) -> None:
        super().__init__(name="worker", daemon=True)
        self.allowed = threading.Event()
        self._stopping = threading.Event()
        self._due = dict.fromkeys(jobs, 0.0)
        self._publish = publish
        self._loop = asyncio.get_running_loop()

    def run(self) -> None:
        while not self._stopping.is_set():
            job = min(self._due, key=lambda job: self._due[job])
            if not self._stopping.wait(self._due[job] - time.monotonic()) and self._is_allowed():
                more = self._follow_up(_attempt(job))
                # With more to do it goes on after those that are due by now.
                self._due[job] = time.monotonic() + (0.0 if more else job.every_s)

    def end(self) -> None:
        """Starts no further step."""
        self._stopping.set()
        self.allowed.set()

    def _is_allowed(self) -> bool:
        """Waits until it is, or until the end."""
        self.allowed.wait()
        return not self._stopping.is_set()

    def _follow_up(self, result: bool | Sequence[Any]) -> bool:
        """Whether there is more to do at once. Events are published on the loop, where the channel layer lives."""
        if isinstance(result, bool):
            return result
        if result:
            asyncio.run_coroutine_threadsafe(_awaited(self._publish(result)), self._loop)
        return False


async def _awaited(publishing: Awaitable[None]) -> None:
    await publishing


def _attempt(job: Job) -> bool | Sequence[Any]:
    """What the job's step returns; False where it failed."""
    close_old_connections()
    try:
        return job.work()
    except (OperationalError, InterfaceError) as error:
        logger.error("the database is away, %s is tried again in %s s: %s", job.name, job.every_s, error)
    except Exception:
        logger.exception("%s failed and is tried again in %s s", job.name, job.every_s)
    finally:
        close_old_connections()
    stats.job_failures.labels(job.name).inc()
    return False
