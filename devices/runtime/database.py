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


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `function(*args)` in a thread of the pool, and releases its database connection afterwards."""
    call = partial(_with_connection, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def _with_connection(call: Callable[[], R]) -> R:
    _release_connections()
    try:
        return call()
    finally:
        _release_connections()


def _release_connections() -> None:
    """Returns connections to PostgreSQL's pool. A connection to SQLite stays with its thread unless it has failed.

    Opening one costs as much as ten queries, and when the last one is closed, SQLite writes its whole log into the
    database.
    """
    for connection in connections.all(initialized_only=True):
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close_if_unusable_or_obsolete()
