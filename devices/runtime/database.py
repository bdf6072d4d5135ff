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
"""What Django raises while the database cannot be reached or cannot write: full, or read-only after a failover."""

# asgiref's thread-sensitive mode would send every query of the process through one thread, where a slow
# history holds up every subscription.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="database")


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`function(*args)` in a thread of the pool, with a database connection that is given back."""
    call = partial(_with_connection, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def _with_connection(call: Callable[[], R]) -> R:
    _give_back()
    try:
        return call()
    finally:
        _give_back()


def _give_back() -> None:
    """To PostgreSQL's pool. A connection to SQLite stays with its thread unless it has failed: to open another costs as
    much as ten queries, and the last one to be closed has SQLite write its whole log into the database."""
    for connection in connections.all(initialized_only=True):
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close_if_unusable_or_obsolete()
