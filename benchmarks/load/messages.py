"""The message of every benchmark here: one value, the time it was due in microseconds. Always of the same length."""

from __future__ import annotations

import time

METRIC = "v"
DIGITS = 16
LENGTH = len(b'{"v":}') + DIGITS
START = len(b'{"v":')


def now_us() -> int:
    return time.time_ns() // 1000


def payload(due_us: int) -> bytes:
    return b'{"v":%d}' % due_us


def due_us(buffer: memoryview | bytes, at: int = 0) -> int:
    """When the message that begins at `at` was due."""
    return int(bytes(buffer[at + START : at + START + DIGITS]))
