"""A web process is killed and restarted: all its viewers reconnect and are shown what they have missed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.deployment import Counter, Deployment, Machine
from tests.support.returning import Crowd
from tests.support.soak import usually
from tests.support.stack import WebServer

pytestmark = pytest.mark.timeout(300)

VIEWERS = usually(100, soak=500)
BACK_S = 60
"""Room for a slow machine. How long it takes is measured by `benchmarks/storm.py`."""


async def _storm(deployment: Deployment, web: WebServer, machine: Machine) -> None:
    crowd = Crowd(VIEWERS, web.url, deployment.token, machine.uid, "count")
    with Counter(deployment.mosquitto.port, machine, per_second=2) as counter:
        async with crowd.watching():
            await crowd.all(lambda viewer: viewer.is_back and viewer.last >= 0, BACK_S)
            await asyncio.to_thread(web.kill)
            await crowd.all(lambda viewer: not viewer.is_back, BACK_S)
            await asyncio.to_thread(counter.wait_for, 3)
            stored = await asyncio.to_thread(deployment.stored_of, machine.uid)
            await asyncio.to_thread(web.start)
            began = time.monotonic()
            await crowd.all(lambda viewer: viewer.is_back, BACK_S)
            took = sorted(viewer.back_at - began for viewer in crowd.viewers)
            print(f"{web.name}: half are back after {took[VIEWERS // 2]:.1f} s, the last after {took[-1]:.1f} s")
            assert min(viewer.last for viewer in crowd.viewers) >= stored[-1]
            sent = counter.sent + 3
            await crowd.all(lambda viewer: viewer.last >= sent, BACK_S)
            # The live readings continue where the snapshot ended.
            assert sum(viewer.holes for viewer in crowd.viewers) == 0


def test_viewers_of_a_killed_web_process_reconnect_and_miss_nothing(tmp_path: Path) -> None:
    with Deployment(tmp_path, machines=2, CONNECTION_LIMIT="0", REQUEST_RATE_LIMIT="0") as deployment:
        for web in (deployment.uvicorn, deployment.daphne):
            machine = deployment.machines.pop()
            asyncio.run(_storm(deployment, web, machine))
            assert "Traceback" not in web.output
