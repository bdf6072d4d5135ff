"""Counts what people were refused, wherever on its way that was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from devices.errors import HubbubError
from devices.runtime import stats

P = ParamSpec("P")
R = TypeVar("R")


def refusals_counted(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """For what callers of the services call; such a function calls no other one, or a refusal would count twice."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await function(*args, **kwargs)
        except HubbubError as error:
            stats.chat_refused.labels(error.code).inc()
            raise

    return call
