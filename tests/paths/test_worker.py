"""Periodic work, by the hub itself and by a separate worker process."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx

from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.postgres import Postgres
from tests.support.servers import START_S, Part

STOP_S = 10


class Worker(Part):
    READY = "Ctrl-C stops it"

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, ["manage.py", "runworker"], {"DATA_DIR": str(folder / "data"), **settings})

    def stop_in_time(self) -> int:
        begin = time.monotonic()
        code = self.stop(signal.SIGTERM)
        assert time.monotonic() - begin < STOP_S
        return code


def wait_for_rollups(folder: Path) -> None:
    """Waits until the minute, the hour and the day of one old reading are stored."""

    def seen() -> list[tuple[int, float]]:
        with closing(sqlite3.connect(folder / "data" / "hubbub.sqlite3", timeout=30)) as database:
            rows = database.execute("SELECT seconds, mean FROM devices_rollup WHERE mean = 12.5 ORDER BY seconds")
            return rows.fetchall()

    eventually(lambda: len(seen()) >= 3)
    assert seen() == [(60, 12.5), (3600, 12.5), (86400, 12.5)]


def publish(hub: RunningHub, uid: str) -> None:
    device = hub.create_device(uid)
    response = httpx.post(
        f"{hub.url}/api/v1/devices/{uid}/telemetry",
        json={"ts": int(time.time() * 1000) - 3 * 86_400_000, "values": {"speed": 12.5}},
        auth=(device.uid, device.secret),
        timeout=START_S,
    )
    assert response.status_code == 200, response.text


def test_the_hub_rolls_up_late_readings(hub: RunningHub) -> None:
    publish(hub, "late")
    wait_for_rollups(hub.folder)


def test_a_separate_worker_stands_by_and_takes_over(tmp_path: Path) -> None:
    hub, worker = RunningHub(tmp_path), Worker(tmp_path)
    hub.start()
    worker.start()
    publish(hub, "pump-1")
    assert hub.stop() == 0
    wait_for_rollups(tmp_path)
    assert worker.stop_in_time() == 0


def test_a_worker_stops_in_time_even_if_the_database_hangs(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path)
    postgres.start()
    try:
        worker = Worker(tmp_path, DATABASE_URL=postgres.url)
        worker.manage("migrate", "--verbosity=0")
        worker.start()
        postgres.freeze()
        time.sleep(1)  # it may be anywhere by then, mostly waiting for an answer
        assert worker.stop_in_time() == 0, worker.output
    finally:
        postgres.remove()
