"""Counts refused posts, edits and removals, wherever on their way they were refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from devices.errors import HubbubError
from devices.runtime import stats

P = ParamSpec("P")
R = TypeVar("R")


def refusals_counted(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Counts the errors that `function` raises.

    Decorated functions must not call each other, or one error would count twice.
    """

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await function(*args, **kwargs)
        except HubbubError as error:
            stats.chat_refused.labels(error.code).inc()
            raise

    return call
