"""Passwords are hashed in threads of low priority: each hash occupies a processor for a fifth of a second."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from devices.runtime import database

AT_ONCE = 4
NICE = 10
"""On the scale of nice(1), below everything else that the hub does."""


def _step_back() -> None:
    # Only Linux has priorities of threads; elsewhere this would be that of the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


# Few and simple: a thread that was held up while it runs Python would hold up the event loop too. Hashing releases the
# interpreter's lock.
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password-hash", initializer=_step_back)


class BackgroundPBKDF2(PBKDF2PasswordHasher):
    """Django's default, for the same stored passwords. The caller waits; everybody else goes first."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        hashing = _threads.submit(super().encode, password, salt, iterations)
        database.release_connections()  # it may have to wait for several others
        return str(hashing.result())
