from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from django.db import OperationalError

from devices.channel import fanout
from devices.channel.events import AvailabilityChanged, Event
from devices.channel.groups import shard_of, telemetry
from devices.channel.listener import Listener
from devices.errors import Unavailable
from devices.jobs import JOBS
from devices.runtime import locks, stats, worker
from devices.runtime.worker import Job, run_worker

WAIT_S = 30


class Step:
    """A job's step that tests can wait for; it returns or raises `results`, after which nothing is left to do."""

    def __init__(self, *results: bool | Exception) -> None:
        self._results = list(results)
        self._done = threading.Semaphore(0)
        self.calls = 0

    def __call__(self) -> bool:
        self.calls += 1
        result = self._results.pop(0) if self._results else False
        self._done.release()
        if isinstance(result, Exception):
            raise result
        return result

    async def executed(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self._done.acquire, timeout=WAIT_S)


class FreeLock:
    """A lock that no other process wants."""

    async def acquire(self) -> bool:
        return True

    async def release(self) -> None:
        pass


@pytest.fixture(autouse=True)
def only_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "exclusive_lock", lambda name: FreeLock())


@asynccontextmanager
async def working(*jobs: Job) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(stop, jobs, fanout.publish))
    yield
    stop.set()
    async with asyncio.timeout(WAIT_S):
        await task


def failures(name: str) -> float:
    return stats.job_failures.labels(name)._value.get()


async def test_each_job_is_executed_at_the_start_and_then_at_its_intervals() -> None:
    often, rarely = Step(), Step()
    async with working(Job("often", 0.01, often), Job("rarely", 3600, rarely)):
        await rarely.executed(1)
        await often.executed(5)
    assert rarely.calls == 1


async def test_a_job_with_more_to_do_continues_at_once_but_lets_others_in_between() -> None:
    order: list[str] = []
    long, short = Step(*[True] * 5), Step()

    def noted(name: str, step: Step) -> Callable[[], bool]:
        return lambda: (order.append(name), step())[1]

    async with working(Job("long", 3600, noted("long", long)), Job("short", 3600, noted("short", short))):
        await long.executed(6)
    assert order.count("long") == 6
    assert order.index("short") <= 1


@pytest.mark.parametrize("error", [OperationalError("unavailable"), ValueError("a bug")])
async def test_a_job_that_fails_is_counted_and_tried_again_at_its_next_turn(error: Exception) -> None:
    failing, other = Step(error, error), Step()
    before = failures("failing")
    async with working(Job("failing", 0.01, failing), Job("other", 0.01, other)):
        await failing.executed(4)
        await other.executed(2)
    assert failures("failing") == before + 2


async def test_it_ends_even_if_a_job_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STOP_S", 0.1)
    hanging, thawed = threading.Event(), threading.Event()

    def hang() -> bool:
        hanging.set()
        thawed.wait(WAIT_S)
        return False

    async with working(Job("hanging", 1, hang)):
        await asyncio.to_thread(hanging.wait, WAIT_S)
    thawed.set()


def test_jobs_have_names_of_their_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)


async def test_events_that_a_job_returns_are_published() -> None:
    stale = AvailabilityChanged(7, "pump-1", "stale", 5)
    received: asyncio.Queue[Event] = asyncio.Queue()
    listener = Listener(received.put_nowait, lambda names, reason: None)
    await listener.start()
    await listener.join(telemetry(shard_of(7)))
    async with working(Job("availability", 3600, lambda: [stale])):
        assert await asyncio.wait_for(received.get(), WAIT_S) == stale
    await listener.stop()


@pytest.mark.django_db(transaction=True)
async def test_of_two_workers_one_works_and_the_other_stands_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "exclusive_lock", locks.exclusive_lock)
    monkeypatch.setattr(worker, "LOCK_S", 0.05)
    first, second = Step(), Step()
    async with working(Job("first", 0.01, first)):
        await first.executed(1)
        standing_by = working(Job("second", 0.01, second))
        await standing_by.__aenter__()
        await first.executed(20)
        assert second.calls == 0
    await second.executed(2)
    await standing_by.__aexit__(None, None, None)


@pytest.mark.parametrize("answer", [False, Unavailable("the database is unavailable")])
async def test_without_the_lock_it_does_nothing_and_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch, answer: bool | Unavailable
) -> None:
    asked = asyncio.Event()

    class HeldLock(FreeLock):
        async def acquire(self) -> bool:
            asked.set()
            if isinstance(answer, Unavailable):
                raise answer
            return answer

    monkeypatch.setattr(worker, "exclusive_lock", lambda name: HeldLock())
    step = Step()
    async with working(Job("waiting", 0.01, step)):
        await asked.wait()
    assert step.calls == 0
