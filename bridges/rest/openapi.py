"""The OpenAPI document of the API."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from functools import cache

from django.http import HttpRequest, HttpResponse
from ninja.responses import Response

from bridges.rest.api import api

_lock = threading.Lock()


async def show_document(request: HttpRequest) -> HttpResponse:
    """The document is made once, in a thread: that takes a third of a second, and anybody may ask for it."""
    content, etag = await asyncio.to_thread(_document)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(content, content_type="application/json", headers=headers)


def _document() -> tuple[bytes, str]:
    with _lock:  # of several first requests one makes it
        return _make_document()


@cache
def _make_document() -> tuple[bytes, str]:
    content = Response(api.get_openapi_schema()).content
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
