"""All attacks at once, while honest devices and viewers work."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.attacks.attackers import Target
from tests.attacks.honest import Crowd, percentile
from tests.support.hub import RunningHub
from tests.support.servers import ROOT
from tests.support.soak import usually

pytestmark = pytest.mark.timeout(300)

HONEST = 20
WORK_S = usually(5, soak=30)
GROWTH = 100 * 1024 * 1024
"""Bytes by which the hub may grow."""
P99_MS = 1_500
"""Room for a crowded machine; the figures of a run are printed."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("hub"))
    server.start()
    yield server
    code = server.stop()
    print(server.output[-5_000:])
    assert code == 0


@contextmanager
def processor_time(name: str, pid: int) -> Iterator[None]:
    """Prints how much of one processor a process has taken."""

    def spent() -> float:
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system

    began, before = time.monotonic(), spent()
    yield
    print(f"{name}: {(spent() - before) / (time.monotonic() - began):.0%} of a processor")


@contextmanager
def attackers(target: Target) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.attacks.attackers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(target.json() + "\n")
    process.stdin.flush()
    try:
        with processor_time("attackers", process.pid):
            yield
    finally:
        assert process.stdout is not None
        try:
            begun = process.stdout.readline()
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
        assert begun == "all have begun\n"
        print("tried: " + ", ".join(f"{count:,} {name}" for name, count in json.loads(output).items()))


def test_honest_devices_and_viewers_lose_nothing(hub: RunningHub) -> None:
    devices = hub.records.create_devices(*[f"honest-{n}" for n in range(HONEST)])
    bad = hub.create_device("bad")
    target = Target(hub.port, hub.mqtt_port, hub.create_token("carol"), bad.uid, bad.secret)
    assert hub.process is not None
    pid = hub.process.pid
    memory = psutil.Process(pid).memory_info

    async def measure() -> tuple[list[float], list[float]]:
        async with Crowd(hub, devices, hub.create_token("bob")) as crowd:
            quiet = await crowd.work(WORK_S)
            with attackers(target), processor_time("hub", pid):
                return quiet, await crowd.work(WORK_S)

    before = memory().rss
    quiet, attacked = asyncio.run(measure())
    for name, delays in (("quiet", quiet), ("attacked", attacked)):
        print(f"{name}: p50 {percentile(delays, 0.5):.1f} ms, p99 {percentile(delays, 0.99):.1f} ms")
    print(f"the hub grew by {(memory().rss - before) / 2**20:.0f} MiB, its log by {len(hub.output):,} characters")
    assert percentile(attacked, 0.99) < P99_MS
    assert memory().rss - before < GROWTH
