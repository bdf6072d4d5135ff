"""Refuses large bodies while they arrive: Django stores a whole body on the disk before any view sees it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from bridges.rest.errors import no_space, problem
from devices.runtime.file_storage import is_full
from hub.middleware import Application, Receive, Send

Allowed = Callable[[str, str], float]
"""`(method, path)` -> how many bytes the body of such a request may have."""

_FILES = re.compile(r"/api/v1/rooms/[0-9]+/files")


def allowed(method: str, path: str) -> float:
    """1 MiB; where files are uploaded, as much as a file may have and 1 MiB for the rest of the form."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if method != "POST" or not _FILES.fullmatch(path):
        return float(most)
    return settings.FILE_LIMIT * 1024 * 1024 + most if settings.FILE_LIMIT else math.inf


class BodyLimit:
    """ASGI middleware: answers 413 to an HTTP request whose body is larger than allowed, and reads no more of it;
    answers 503 where the disk has no space for the body."""

    def __init__(self, application: Application, allowed: Allowed) -> None:
        self._application = application
        self._allowed = allowed

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._application(scope, receive, send)
        most = self._allowed(scope["method"], scope["path"])
        if _announced(scope) > most:
            return await _refuse(send, _too_large())
        response = _WatchedSend(send)
        try:
            await self._application(scope, _counting(receive, most), response)
        except _TooLarge:
            await _refuse(send, _too_large())
        except OSError as error:
            if response.started or not is_full(error):
                raise
            await _refuse(send, no_space())


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


def _announced(scope: dict[str, Any]) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _too_large() -> HttpResponse:
    return problem("too_large", "the body is too large")


async def _refuse(send: Send, response: HttpResponse) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(response.content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
