"""Responses that are produced while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def started(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Returns the same content once its first piece is ready: a failure until then still becomes an error response."""
    return _joined(await anext(content, b""), content)


async def _joined(beginning: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield beginning
    async for content in rest:
        yield content
