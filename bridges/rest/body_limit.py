"""Refuses large bodies while they arrive: Django reads a body to its end, on to the disk, before any view sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bridges.rest.errors import problem

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware: 413 for HTTP requests with a body of more than `most` bytes, of which it reads no more."""

    def __init__(self, application: Application, most: int) -> None:
        self._application = application
        self._most = most

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._application(scope, receive, send)
        if _announced(scope) > self._most:
            return await _refuse(send)
        try:
            await self._application(scope, self._counting(receive), send)
        except _TooLarge:
            await _refuse(send)

    def _counting(self, receive: Receive) -> Receive:
        """For bodies that come in chunks, without a length."""
        read = 0

        async def counted() -> dict[str, Any]:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise _TooLarge
            return message

        return counted


class _TooLarge(Exception):
    """Raised into the application while it reads the body, so before it has answered."""


def _announced(scope: dict[str, Any]) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send) -> None:
    response = problem("too_large", "the body is too large")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(response.content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
