"""Makes a running Mosquitto read its password file and ACL again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

COMMAND_TIMEOUT_S = 30.0

Reload = Callable[[], None]
"""Makes Mosquitto read its files again. Blocks; raises `NotReloaded`."""


class NotReloaded(Exception):
    """Mosquitto could not be told; the text says why."""


def by_pid_file(path: Path) -> Reload:
    """SIGHUP to the process that `path` names."""

    def reload() -> None:
        try:
            pid = int(path.read_text())
            _check_is_ready(pid)
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError) as error:
            raise NotReloaded(f"no Mosquitto by {path}: {error}") from None

    return reload


def _check_is_ready(pid: int) -> None:
    """SIGHUP ends a process that does not expect it: one that took over the number of a Mosquitto that is gone, and a
    Mosquitto that is still starting. Raises `OSError`, `ValueError`."""
    if pid <= 1:
        raise ValueError(f"{pid} is no process of Mosquitto")
    if not Path("/proc/self/status").exists():  # not Linux
        return
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    if status["Name"].strip() != "mosquitto":
        raise ValueError(f"the process {pid} is another program")
    if not int(status["SigCgt"], 16) & 1 << (signal.SIGHUP - 1):
        raise ValueError(f"the process {pid} is still starting")


def by_command(command: str) -> Reload:
    """Runs `command`, without a shell. Raises `ValueError` where it cannot be split into words."""
    words = shlex.split(command)
    if not words:
        raise ValueError("an empty command")

    def reload() -> None:
        try:
            # The operator's own words, from the command line.
            done = subprocess.run(  # noqa: S603
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotReloaded(str(error)) from None
        if done.returncode:
            raise NotReloaded(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}")

    return reload
