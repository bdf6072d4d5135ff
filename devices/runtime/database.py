"""Runs synchronous database work off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

P = ParamSpec("P")
R = TypeVar("R")

UNAVAILABLE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""Raised by Django while the database cannot be reached, or cannot write: full, or read-only after a failover."""

# asgiref's thread-sensitive mode would run every query of the process in one thread, where a slow query holds up every
# other one.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="database")
_sign_in_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign-in")
"""Threads of their own, so that nobody waits for the look-ups and hashes of a flood of wrong secrets."""


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `function(*args)` in a thread of the pool, and releases its database connection afterwards."""
    return await _run_in(_threads, partial(function, *args, **kwargs))


async def run_sign_in(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same for a function that checks a secret."""
    return await _run_in(_sign_in_threads, partial(function, *args, **kwargs))


async def _run_in(threads: ThreadPoolExecutor, function: Callable[[], R]) -> R:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(with_connection, function))


def with_connection(call: Callable[[], R]) -> R:
    """Calls it in this thread, and releases its database connection afterwards."""
    release_connections()
    try:
        return call()
    finally:
        release_connections()


def release_connections() -> None:
    """Returns this thread's connections to PostgreSQL's pool, unless they are in a transaction.

    To be called before a long wait, too. A connection to SQLite stays with its thread unless it has failed.

    Opening one costs as much as ten queries, and when the last one is closed, SQLite writes its whole log into the
    database.
    """
    for connection in connections.all(initialized_only=True):
        may_go = connection.vendor != "sqlite" or connection.errors_occurred
        if may_go and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
