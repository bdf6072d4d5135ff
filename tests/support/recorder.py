"""How long each test took and which failed, for `tests/support/sessions.py`; and how long each file took last time."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("durations.json")
"""Seconds by scope: what took longest begins first, so that no process works on alone at the end. `make durations`."""
UNKNOWN_S = 5.0
"""What a file is taken to need that is not in there; most need less."""


class Recorder:
    """Notes the reports of all processes, and writes them to a file at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps({"durations": self._seconds, "failed": sorted(self._failed)}))


def register(config: pytest.Config) -> None:
    """In the process that hears of all tests, where a report is asked for."""
    if not hasattr(config, "workerinput") and (file := os.environ.get("TEST_REPORT")):
        config.pluginmanager.register(Recorder(Path(file)))


def scope(nodeid: str) -> str:
    """What runs in one process: a file, or all of `deploy`, which shares a stack of ten containers."""
    file = nodeid.partition("::")[0]
    return "tests/deploy" if file.startswith("tests/deploy/") else file


def seconds_by_scope(durations: Mapping[str, float]) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for nodeid, seconds in durations.items():
        found[scope(nodeid)] += seconds
    return {name: round(seconds, 1) for name, seconds in sorted(found.items())}


def recorded() -> dict[str, float]:
    found: dict[str, float] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found
