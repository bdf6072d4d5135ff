"""While SQLite's disk is full, nothing is acknowledged, nothing is lost, and the hub reports it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.servers import HubServer
from tests.support.stack import Stack

MESSAGES = 3_000
PER_SECOND = 500
DISK_MIB = 32
NOTICED_S = 30
RESUMED_S = 10

pytestmark = pytest.mark.timeout(240)


class Disk:
    """A small file system that can be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "hubbub-test"]
    try:
        subprocess.run(["mount", *options, str(folder)], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {getattr(error, 'stderr', error)}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class HubStack(Stack):
    """A whole hub in place of the bridge, with its health and counters."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        super().__init__(folder, data=disk.folder / "data")
        self.bridge = HubServer(folder, **self.settings)

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.bridge.port}{path}", timeout=20)

    def database_health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/readyz").json()["database"]
        return found

    def is_intact(self) -> bool:
        return self.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_is_reported_and_ingest_resumes_by_itself(tmp_path: Path, disk: Disk) -> None:
    with HubStack(tmp_path, disk) as stack:
        assert stack.database_health() == {"ok": True}
        publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(PER_SECOND)
        disk.fill()
        stack.bridge.wait_for("database or disk is full", within_s=NOTICED_S)
        assert stack.database_health() == {"ok": False, "error": "DiskFull"}
        assert "hubbub_store_failures_total 0.0" not in stack.ask("/metrics").text
        publisher.join()
        assert stack.is_intact()
        stored = len(stack.stored())
        assert stored < MESSAGES
        disk.free()
        resumed_s = eventually(lambda: len(stack.stored()) > stored, RESUMED_S)
        print(f"resumed after {resumed_s:.1f} s")
        stack.check(publisher)
        assert stack.database_health() == {"ok": True}
        assert stack.is_intact()


def test_messages_that_a_full_disk_rejects_are_not_acknowledged(tmp_path: Path, disk: Disk) -> None:
    """After the hub was killed while its disk was full, the broker still has everything."""
    with HubStack(tmp_path, disk) as stack:
        disk.fill()
        publisher = stack.publisher(MESSAGES)
        publisher.join()
        stack.bridge.wait_for("database or disk is full", within_s=NOTICED_S)
        stack.bridge.kill()
        disk.free()
        stack.bridge.start()
        stack.check(publisher)
        assert stack.is_intact()
