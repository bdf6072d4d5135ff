"""Has a running Mosquitto read its password file and ACL again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

COMMAND_TIMEOUT_S = 30.0

Reload = Callable[[], None]
"""Has Mosquitto read its files again. Blocks; raises `ReloadFailed`."""


class ReloadFailed(Exception):
    """Mosquitto could not be asked to reload; the text gives the reason."""


def by_pid_file(path: Path) -> Reload:
    """A reload that sends SIGHUP to the process whose id is in the file `path`."""

    def reload() -> None:
        try:
            pid = int(path.read_text())
            _check_ready(pid)
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError) as error:
            raise ReloadFailed(f"no Mosquitto to be found through {path}: {error}") from None

    return reload


def _check_ready(pid: int) -> None:
    """Raises `OSError` or `ValueError` unless the process is a Mosquitto that handles SIGHUP.

    SIGHUP ends a process that has no handler for it: another program that was given the process id of a Mosquitto that
    has ended, or a Mosquitto that is still starting.
    """
    if pid <= 1:
        raise ValueError(f"{pid} is not a process of Mosquitto")
    if not Path("/proc/self/status").exists():  # not Linux
        return
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    if status["Name"].strip() != "mosquitto":
        raise ValueError(f"the process {pid} is another program")
    if not int(status["SigCgt"], 16) & 1 << (signal.SIGHUP - 1):
        raise ValueError(f"the process {pid} is still starting")


def by_command(command: str) -> Reload:
    """A reload that runs `command`, without a shell. Raises `ValueError` if it cannot be split into words."""
    words = shlex.split(command)
    if not words:
        raise ValueError("the command is empty")

    def reload() -> None:
        try:
            # S603: the command comes from the operator's own command line.
            done = subprocess.run(  # noqa: S603
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReloadFailed(str(error)) from None
        if done.returncode:
            raise ReloadFailed(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}")

    return reload
