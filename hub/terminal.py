"""Ctrl-C under `make run`."""

from __future__ import annotations

import os
import signal
import sys


def become_foreground_job() -> None:
    """Makes this process the terminal's foreground job, instead of the `make` that started it.

    Ctrl-C then reaches only the hub, which stops in order and exits with 0. `make` would die of the signal and report a
    failure.
    """
    if not sys.stdin or not sys.stdin.isatty() or os.getpgrp() == os.getpid():
        return
    try:
        os.setpgid(0, 0)
        # A background job that claims the terminal is stopped by this signal unless it ignores it.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(sys.stdin.fileno(), os.getpid())
    except OSError:
        return
    # The shell waits for make, so after Ctrl-Z nobody could resume the hub.
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
