"""A folder that all processes of one run of the tests share, for what is made once and copied."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VARIABLE = "HUBBUB_TEST_RUN"


def run_folder() -> Path:
    """The process that asks first makes it and removes it at its end; processes started later find it."""
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = folder = tempfile.mkdtemp(prefix="hubbub-tests-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ[_VARIABLE])


@contextmanager
def made_once(name: str) -> Iterator[tuple[Path, bool]]:
    """A folder of this name, and whether it is still to be filled. The others wait until it is."""
    folder = run_folder() / name
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(exist_ok=True)
        yield folder, not done.exists()
        done.touch()
