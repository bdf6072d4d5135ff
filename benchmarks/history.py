"""How long history takes in the server: ten million readings of 100 metrics over 30 days.

    .venv/bin/python -m benchmarks.history [--forms sqlite postgresql] [--cold 5]

Of the functions that answer pages and HTTP, without the web server: a chart of 30 days (1,000 points at most), a day of
raw readings (3,323), the newest values of a device's ten metrics. Cold means after the pages of the database have left
the caches of the server and of the system, and in a new process.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Postgres
from tests.support.servers import ROOT

KINDS = {"month": "chart of 30 days", "raw_day": "raw day", "latest": "latest values"}


@dataclass(frozen=True)
class Form:
    """`settings` of the hub's side; `empty_caches` forgets what is held of the database's files."""

    settings: dict[str, str]
    empty_caches: Callable[[], None]

    def run(self, program: str, *arguments: str) -> str:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "hub.settings", **self.settings}
        done = subprocess.run(
            [sys.executable, *program.split(), *arguments],
            env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def step(self, *arguments: str) -> str:
        return self.run("-m benchmarks.history_queries", *arguments)


def drop(folder: Path) -> None:
    """Lets the system forget what it holds of these files."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


@contextmanager
def sqlite(folder: Path) -> Iterator[Form]:
    yield Form({"DATA_DIR": str(folder)}, lambda: drop(folder))


@contextmanager
def postgresql(folder: Path) -> Iterator[Form]:
    postgres = Postgres(folder)
    postgres.start()

    def empty_caches() -> None:
        postgres.stop(signal.SIGINT)
        drop(postgres._data)
        postgres.start()

    try:
        yield Form({"DATA_DIR": str(folder), "DATABASE_URL": postgres.url}, empty_caches)
    finally:
        postgres.remove()


FORMS = {"sqlite": sqlite, "postgresql": postgresql}


def measure(form: Form, cold: int) -> None:
    form.run("manage.py migrate --verbosity=0")
    begin = time.monotonic()
    form.step("fill")
    print(f"  filled in {time.monotonic() - begin:.0f} s")
    print(form.step("roll_up"), end="", flush=True)
    for kind, name in KINDS.items():
        median, worst = map(float, form.step("warm", kind).split())
        first = []
        for i in range(cold):
            form.empty_caches()
            first.append(float(form.step("cold", kind, str(i))))
        print(
            f"  {name:17} warm {median:6.1f} ms, worst {worst:6.1f}; cold {statistics.median(first):6.1f} ms,"
            f" worst {max(first):6.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--cold", type=int, default=5, help="questions with empty caches")
    arguments = parser.parse_args()
    for name in arguments.forms:
        with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder, FORMS[name](Path(folder)) as form:
            print(name, flush=True)
            measure(form, arguments.cold)


if __name__ == "__main__":
    main()
