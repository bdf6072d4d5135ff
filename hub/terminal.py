"""Whose Ctrl-C it is."""

from __future__ import annotations

import os
import signal
import sys


def take_terminal() -> None:
    """Makes this process the terminal's foreground job, where it shares that place with the `make` that started it.

    Ctrl-C then reaches the hub alone, which stops in order and exits 0; `make`, hit by it too, would die of the signal
    and report a failure.
    """
    if not sys.stdin or not sys.stdin.isatty() or os.getpgrp() == os.getpid():
        return
    try:
        os.setpgid(0, 0)
        # A job in the background that takes the terminal is stopped, unless it ignores the signal.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(sys.stdin.fileno(), os.getpid())
    except OSError:
        return
    # The shell waits for make, so after Ctrl-Z nobody could bring the hub back.
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
