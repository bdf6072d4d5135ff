"""The thread that executes periodic jobs. They are listed in `devices.jobs`."""

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
"""How often a worker checks whether it holds the lock."""
STOP_S = 5.0
"""How long the current step may take to end; after that it ends with the process, uncommitted."""


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work: `step` is called every `every_s` seconds.

    A step is short, since other jobs and the end of the process wait for it. It returns whether there is more to do at
    once, or the events to publish. Two processes may execute it at the same time.
    """

    name: str
    every_s: float
    step: Callable[[], bool | Sequence[Any]]


PublishEvents = Callable[[Sequence[Any]], Awaitable[None]]
"""Publishes the events that a step returns."""


async def run_worker(stop: asyncio.Event, jobs: Iterable[Job], publish: PublishEvents) -> None:
    """Executes the jobs until `stop` is set. Of several workers on one database, one works and the others stand by.

    A job that fails, also because the database is unavailable, is tried again at its next turn.
    """
    worker, lock = _Worker(jobs, publish), exclusive_lock("worker")
    worker.start()
    locking = asyncio.create_task(_keep_lock(lock, worker))
    await stop.wait()
    locking.cancel()
    worker.end()
    await asyncio.to_thread(worker.join, STOP_S)
    if worker.is_alive():
        logger.warning("the current job did not end within %s s and is aborted", STOP_S)
    await asyncio.wait({locking})
    await lock.release()


async def _keep_lock(lock: ExclusiveLock, worker: _Worker) -> None:
    """Allows the worker to work while it holds the lock."""
    logged = ""
    while True:
        try:
            held = await lock.acquire()
            state = f"{'this' if held else 'another'} process does the periodic work"
        except Unavailable as error:
            held, state = False, f"no process does the periodic work: {error}"
        (worker.allowed.set if held else worker.allowed.clear)()
        if state != logged:
            logger.log(logging.DEBUG if held else logging.WARNING, state)
            logged = state
        await asyncio.sleep(LOCK_S)


class _Worker(threading.Thread):
    """A daemon thread: a database that hangs during a statement must not keep the process from ending."""

    def __init__(self, jobs: Iterable[Job], publish: PublishEvents) -> None:
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
                # If there is more to do, jobs that are due by now still come first.
                self._due[job] = time.monotonic() + (0.0 if more else job.every_s)

    def end(self) -> None:
        """Stops the thread after the current step."""
        self._stopping.set()
        self.allowed.set()

    def _is_allowed(self) -> bool:
        """Waits until the worker is allowed to work; False if it has to stop."""
        self.allowed.wait()
        return not self._stopping.is_set()

    def _follow_up(self, result: bool | Sequence[Any]) -> bool:
        """Publishes the events, on the loop of the channel layer; returns whether there is more to do at once."""
        if isinstance(result, bool):
            return result
        if result:
            asyncio.run_coroutine_threadsafe(_awaited(self._publish(result)), self._loop)
        return False


async def _awaited(publishing: Awaitable[None]) -> None:
    await publishing


def _attempt(job: Job) -> bool | Sequence[Any]:
    """The result of the job's step; False if it failed."""
    close_old_connections()
    try:
        return job.step()
    except (OperationalError, InterfaceError) as error:
        logger.error("the database is unavailable, %s is tried again in %s s: %s", job.name, job.every_s, error)
    except Exception:
        logger.exception("%s failed and is tried again in %s s", job.name, job.every_s)
    finally:
        close_old_connections()
    stats.job_failures.labels(job.name).inc()
    return False
