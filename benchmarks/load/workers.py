"""Processes of the load, and what they cost."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ANSWER_S = 120
_TICKS = os.sysconf("SC_CLK_TCK")


class Worker:
    """A process that runs `main(connection, *arguments)` and answers each order with one object."""

    def __init__(self, main: Callable[..., None], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=main, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def answer(self, within_s: float = ANSWER_S) -> Any:
        """Raises what the process raised."""
        if not self._connection.poll(within_s):
            raise TimeoutError(f"{self._process.name} did not answer in {within_s} s")
        found = self._connection.recv()
        if isinstance(found, Exception):
            raise found
        return found

    def order(self, order: Any) -> None:
        self._connection.send(order)

    def ask(self, order: Any) -> Any:
        self.order(order)
        return self.answer()

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(10)


def reporting(connection: Connection, work: Callable[[], None]) -> None:
    """Runs `work`; what it raises goes to whoever waits for an answer."""
    try:
        work()
    except Exception as error:
        connection.send(RuntimeError(repr(error)))


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of processor that the processes, their threads and their children have used."""
    return sum(_cpu_s(pid) for pid in pids)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS + sum(_cpu_s(int(child)) for child in children)


class Shares:
    """The share of one processor that named groups of processes use, from the making of this on."""

    def __init__(self, groups: dict[str, list[int]]) -> None:
        self._groups = groups
        self._began = time.monotonic()
        self._before = self._used()

    def read(self) -> dict[str, float]:
        """Also of "others": programs that have nothing to do with the measurement, and spoil it."""
        took, used = time.monotonic() - self._began, self._used()
        return {name: (used[name] - self._before[name]) / took for name in used}

    def _used(self) -> dict[str, float]:
        ours = {name: cpu_s(pids) for name, pids in self._groups.items()}
        return {**ours, "others": _busy_s() - sum(ours.values())}


def _busy_s() -> float:
    """Seconds that all processors together have worked."""
    user, nice, system, _, _, interrupts, softly, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + softly) / _TICKS
