"""Large request bodies are refused while they arrive, on every server.

Daphne writes a body to the disk, to its end, before the application hears of it, and Django does so before a view
does. Without a bound at each, anybody could fill the disk.
"""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings

_REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_got_length = WebRequest.gotLength
_take_chunk = WebRequest.handleContentChunk
_process = WebRequest.process


def _on_length(request: Any, length: int | None) -> None:
    """Called once the headers are read; `None` where the body comes in chunks."""
    if length is not None and length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        _got_length(request, 0)
        _refuse(request)
    else:
        _got_length(request, length)


def _on_chunk(request: Any, data: bytes) -> None:
    if request.refused or request.content.tell() + len(data) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        _refuse(request)
    else:
        _take_chunk(request, data)


def _refuse(request: Any) -> None:
    transport = request.channel.transport
    # A stream of HTTP/2 has no transport of its own; the connection has other streams and stays. See `_on_complete`.
    if not request.refused and transport is not None:
        transport.write(_REFUSAL)
        request.channel.loseConnection()
    request.refused = True


def _on_complete(request: Any) -> None:
    if request.refused and request.channel is not None and request.channel.transport is not None:
        return  # it has been told, and its connection ends
    if request.refused:
        request.basic_error(413, b"Content Too Large", "The body is too large.")
    else:
        _process(request)


def bound_in_daphne() -> None:
    """For every Daphne of this process, whoever starts it."""
    WebRequest.refused = False
    WebRequest.process = _on_complete
    WebRequest.gotLength = _on_length
    WebRequest.handleContentChunk = _on_chunk
