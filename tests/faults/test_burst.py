"""A burst of messages is stored completely and in bounded memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.servers import Server
from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = 10_000
LARGE = usually(1_500, soak=2_000)
LARGE_BYTES = 100 << 10
MOST_MIB = 100

pytestmark = pytest.mark.timeout(240)


def test_a_burst_of_several_devices_is_stored_in_bounded_memory(stack: Stack) -> None:
    memory = Memory(stack.bridge)
    publishers = [
        stack.publisher(MESSAGES // len(stack.devices), device, per_second=0) for device in range(len(stack.devices))
    ]
    took_s = stack.check(*publishers)
    print(f"stored {took_s:.1f} s after the last acknowledgement; memory grew by {memory.grown_mib():.0f} MiB")
    assert memory.grown_mib() <= MOST_MIB


def test_large_messages_that_cannot_be_stored_yet_wait_at_the_broker(stack: Stack) -> None:
    """Another process locks the database; what the bridge reads in the meantime is bounded in bytes."""
    memory = Memory(stack.bridge)
    with closing(sqlite3.connect(stack.data / "hubbub.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        publisher = stack.publisher(LARGE, per_second=0, padding=LARGE_BYTES)
        publisher.join()
        database.execute("ROLLBACK")
    grown_before = memory.grown_mib()
    took_s = stack.check(publisher)
    print(
        f"memory grew by {grown_before:.0f} MiB while locked, {memory.grown_mib():.0f} MiB in all;"
        f" stored {took_s:.1f} s after the database was free"
    )
    assert memory.grown_mib() <= MOST_MIB


class Memory:
    """The greatest growth of a server's memory since this object was created."""

    def __init__(self, server: Server) -> None:
        assert server.process is not None
        self._folder = Path(f"/proc/{server.process.pid}")
        (self._folder / "clear_refs").write_text("5")  # resets the high-water mark
        self._before = self._kib("VmRSS")

    def grown_mib(self) -> float:
        return (self._kib("VmHWM") - self._before) / 1024

    def _kib(self, field: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
