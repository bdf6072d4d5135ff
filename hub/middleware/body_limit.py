"""Refuses large bodies while they arrive: Django stores a whole body on the disk before any view sees it."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from bridges.rest.errors import no_space, problem
from devices.runtime import stats
from devices.runtime.file_storage import is_full
from hub.middleware import Application, Receive, Send, large_bodies
from hub.middleware.large_bodies import Place

Allowed = Callable[[str, str], float]
"""`(method, path)` -> how many bytes the body of such a request may have."""

LINGER_S, LINGER_BYTES = 5.0, 4 * 1024 * 1024
"""How long, and how much, more of a refused body is read and forgotten. A connection that is closed while bytes of it
arrive is reset, and the client may lose the answer."""

_FILES = re.compile(r"/api/v1/rooms/[0-9]+/files")


def allowed(method: str, path: str) -> float:
    """1 MiB; where files are uploaded, as much as a file may have and 1 MiB for the rest of the form."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if method != "POST" or not _FILES.fullmatch(path):
        return float(most)
    return settings.FILE_LIMIT * 1024 * 1024 + most if settings.FILE_LIMIT else math.inf


class BodyLimit:
    """ASGI middleware: answers 413 to an HTTP request whose body is larger than allowed, and stores no more of it;
    answers 401 and 429 to a large one as `large_bodies` says, and 503 where the disk has no space for it."""

    def __init__(self, application: Application, allowed: Allowed) -> None:
        self._application = application
        self._allowed = allowed

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._application(scope, receive, send)
        most = self._allowed(scope["method"], scope["path"])
        length = _announced(scope)
        if length is not None and length > most:
            return await _refuse(receive, send, too_large())
        if most <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE or not large_bodies.is_large(length) or _is_admitted(scope):
            return await self._pass_on(scope, receive, send, most)
        address, _ = scope.get("client") or ("", 0)
        place = await large_bodies.admit(scope["headers"], address)
        if not isinstance(place, Place):
            return await _refuse(receive, send, place)
        try:
            await self._pass_on(scope, receive, send, most)
        finally:
            place.release()

    async def _pass_on(self, scope: dict[str, Any], receive: Receive, send: Send, most: float) -> None:
        response = _WatchedSend(send)
        try:
            await self._application(scope, _counting(receive, most), response)
        except _TooLarge:
            await _refuse(receive, send, too_large())
        except OSError as error:
            if response.started or not is_full(error):
                raise
            await _refuse(receive, send, no_space())


def _is_admitted(scope: dict[str, Any]) -> bool:
    """Whether the server has done so, as it has to before it stores the body (`hub.daphne.request_bodies`)."""
    return bool(scope.get("state", {}).get("large_body"))


def _counting(receive: Receive, most: float) -> Receive:
    """Counts the bytes of a body, which may come in chunks without a length."""
    read = 0

    async def counted() -> dict[str, Any]:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise _TooLarge
        return message

    return counted


class _WatchedSend:
    """A `send` that remembers whether the application has started its response."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: dict[str, Any]) -> None:
        self.started = True
        await self._send(message)


class _TooLarge(Exception):
    """Raised from within the application while it reads the body, before it has answered."""


def _announced(scope: dict[str, Any]) -> int | None:
    """The length of the body; `None` if it comes in chunks, whatever length is given besides (RFC 9112, 6.3)."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


def too_large() -> HttpResponse:
    stats.requests_rejected.labels("too_large").inc()
    return problem("too_large", "the body is too large")


def headers_of(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    """The headers of an answer after which the connection ends."""
    own = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    return [*own, (b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]


async def _refuse(receive: Receive, send: Send, response: HttpResponse) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers_of(response)})
    await send({"type": "http.response.body", "body": response.content, "more_body": True})
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0 and (message := await receive()).get("more_body", False):
                left -= len(message["body"])
    await send({"type": "http.response.body", "body": b""})
