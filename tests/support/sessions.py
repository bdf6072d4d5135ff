"""Runs all tests, as `make test` does: on SQLite, then those marked `both_databases` on PostgreSQL.

What fails is run again, alone, and has to pass then: on a crowded machine a test may fail for want of time. Whatever
passed only on the second run is reported by name. Arguments are given on to pytest; `--record` as the first one
writes down how long each file took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.postgres import Postgres
from tests.support.recorder import FILE, seconds_by_scope
from tests.support.servers import ROOT

PARALLEL = ["-n", "auto", "--dist", "loadscope", "--no-loadscope-reorder"]
"""The tests of a file in one process; `-n0` among the arguments runs all in this one."""
SLOWEST = 10
TESTS_FAILED, NO_TESTS = 1, 5


@dataclass
class Session:
    """One run of pytest, and a second one of what failed in it."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    flaky: list[str] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)

    def run(self, arguments: list[str]) -> int:
        """pytest's exit code, of the second run where there was one."""
        print(f"== Tests on {self.name}", flush=True)
        code, failed = self._pytest(*PARALLEL, *arguments)
        if code != TESTS_FAILED or not failed:  # without a failed test, the tests could not even be collected
            return code
        print(f"== Once more on {self.name}, alone: what failed", flush=True)
        code, failed_again = self._pytest("-n0", "--last-failed", *arguments)
        self.flaky = sorted(set(failed) - set(failed_again))
        return code

    def _pytest(self, *options: str) -> tuple[int, list[str]]:
        """The exit code and the names of the failed tests."""
        with tempfile.NamedTemporaryFile(prefix="hubbub-report-") as report:
            command = [sys.executable, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{self.name}", *options]
            environment = {**os.environ, **self.environment, "TEST_REPORT": report.name}
            # Otherwise each process would compile all tests, and each of the many servers the hub, anew.
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            code = subprocess.run(command, env=environment, cwd=ROOT).returncode
            told = json.loads(Path(report.name).read_text() or '{"failed": [], "durations": {}}')
        self.durations |= told["durations"]
        return code, told["failed"]


def main(arguments: list[str]) -> int:
    records = arguments[:1] == ["--record"]
    arguments = arguments[records:]
    sessions = [Session("SQLite", {"DATABASE_URL": ""})]
    codes = [sessions[0].run(arguments)]
    try:
        with tempfile.TemporaryDirectory(prefix="hubbub-tests-") as folder:
            postgres = Postgres(Path(folder))
            postgres.start()
            try:
                url = {"DATABASE_URL": postgres.url, "DATA_DIR": f"{folder}/data"}
                sessions.append(Session("PostgreSQL", url))
                code = sessions[1].run(arguments)
                codes.append(0 if code == NO_TESTS else code)  # the arguments may name others only
            finally:
                postgres.remove()
    except pytest.skip.Exception as missing:
        print(f"== Tests on PostgreSQL: skipped, {missing}")
    report(sessions)
    if records:
        seconds = seconds_by_scope(sessions[0].durations)
        FILE.write_text(json.dumps(seconds, indent=1) + "\n")
    return next((code for code in codes if code), 0)


def report(sessions: Sequence[Session]) -> None:
    """The slowest tests of all sessions, and the flaky ones."""
    durations = {f"{test} ({each.name})": took for each in sessions for test, took in each.durations.items()}
    print(f"== The {SLOWEST} slowest tests")
    for test, seconds in sorted(durations.items(), key=lambda item: -item[1])[:SLOWEST]:
        print(f"{seconds:7.1f} s  {test}")
    flaky = [f"{test} ({session.name})" for session in sessions for test in session.flaky]
    if flaky:
        print("== FLAKY: these tests failed, and passed when they were run again alone")
        print("\n".join(flaky))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
