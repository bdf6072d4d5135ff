"""Answers that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same content, once its first piece is there: what fails by then has a status and a name."""
    return _joined(await anext(content, b""), content)


async def _joined(beginning: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield beginning
    async for content in rest:
        yield content
