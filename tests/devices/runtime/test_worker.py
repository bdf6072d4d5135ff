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


class Work:
    """A job's work that tells of each step; `steps` are what the steps return or raise, then nothing is left to do."""

    def __init__(self, *steps: bool | Exception) -> None:
        self._steps = list(steps)
        self._done = threading.Semaphore(0)
        self.calls = 0

    def __call__(self) -> bool:
        self.calls += 1
        step = self._steps.pop(0) if self._steps else False
        self._done.release()
        if isinstance(step, Exception):
            raise step
        return step

    async def steps(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self._done.acquire, timeout=WAIT_S)


class Ours:
    """A lock that nobody else wants."""

    async def hold(self) -> bool:
        return True

    async def release(self) -> None:
        pass


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "exclusive_lock", lambda name: Ours())


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


async def test_each_job_is_done_at_the_start_and_then_at_its_turns() -> None:
    often, seldom = Work(), Work()
    async with working(Job("often", 0.01, often), Job("seldom", 3600, seldom)):
        await seldom.steps(1)
        await often.steps(5)
    assert seldom.calls == 1


async def test_a_job_with_more_to_do_goes_on_at_once_and_lets_others_between() -> None:
    order: list[str] = []
    long, short = Work(*[True] * 5), Work()

    def noted(name: str, work: Work) -> Callable[[], bool]:
        return lambda: (order.append(name), work())[1]

    async with working(Job("long", 3600, noted("long", long)), Job("short", 3600, noted("short", short))):
        await long.steps(6)
    assert order.count("long") == 6
    assert order.index("short") <= 1


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a bug")])
async def test_a_job_that_fails_is_counted_and_tried_again_at_its_next_turn(error: Exception) -> None:
    failing, other = Work(error, error), Work()
    before = failures("failing")
    async with working(Job("failing", 0.01, failing), Job("other", 0.01, other)):
        await failing.steps(4)
        await other.steps(2)
    assert failures("failing") == before + 2


async def test_it_ends_though_a_job_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_what_a_job_finds_is_published() -> None:
    gone = AvailabilityChanged(7, "pump-1", "stale", 5)
    heard: asyncio.Queue[Event] = asyncio.Queue()
    listener = Listener(heard.put_nowait, lambda names, reason: None)
    await listener.start()
    await listener.join(telemetry(shard_of(7)))
    async with working(Job("looking", 3600, lambda: [gone])):
        assert await asyncio.wait_for(heard.get(), WAIT_S) == gone
    await listener.stop()


@pytest.mark.django_db(transaction=True)
async def test_of_two_workers_one_works_and_the_other_stands_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "exclusive_lock", locks.exclusive_lock)
    monkeypatch.setattr(worker, "LOCK_S", 0.05)
    first, second = Work(), Work()
    async with working(Job("first", 0.01, first)):
        await first.steps(1)
        standing_by = working(Job("second", 0.01, second))
        await standing_by.__aenter__()
        await first.steps(20)
        assert second.calls == 0
    await second.steps(2)
    await standing_by.__aexit__(None, None, None)


@pytest.mark.parametrize("answer", [False, Unavailable("the database is away")])
async def test_without_the_lock_it_waits_and_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, answer: bool | Unavailable
) -> None:
    asked = asyncio.Event()

    class Theirs(Ours):
        async def hold(self) -> bool:
            asked.set()
            if isinstance(answer, Unavailable):
                raise answer
            return answer

    monkeypatch.setattr(worker, "exclusive_lock", lambda name: Theirs())
    work = Work()
    async with working(Job("waiting", 0.01, work)):
        await asked.wait()
    assert work.calls == 0
