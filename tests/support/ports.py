"""Ports for the servers of the tests. None is given out twice, however many test processes there are on the machine."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below those that the kernel gives to clients: one of them might take a port before its server does.
_CANDIDATES = iter(random.SystemRandom().sample(range(10_000, 32_000), 22_000))
# A byte of this file for each port: locked by the process that has given it out, for as long as that lives.
_TAKEN = (Path(tempfile.gettempdir()) / f"hubbub-test-ports-{os.getuid()}").open("w")


def free_port() -> int:
    """One of the loopback interface on which nobody listens, and nobody else's tests will."""
    return next(port for port in _CANDIDATES if _take(port) and _is_free(port))


def _take(port: int) -> bool:
    try:
        fcntl.lockf(_TAKEN, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
