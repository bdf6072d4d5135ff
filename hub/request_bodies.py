"""Large request bodies are refused while they arrive, on every server.

Daphne writes a body to the disk, to its end, before the application hears of it, and Django does so before a view
does. Without a bound at each, anybody could fill the disk. Once it is there Daphne hands over all of it at once; what
is large stays on the disk all the same.
"""

from __future__ import annotations

import io
import logging
import mmap
from typing import IO, Any

from daphne.http_protocol import WebRequest

from bridges.rest.body_limit import allowed
from devices.runtime.file_storage import is_full

logger = logging.getLogger("hubbub")

_TOO_LARGE, _FULL = (413, b"Content Too Large"), (503, b"Service Unavailable")
_got_length = WebRequest.gotLength
_take_chunk = WebRequest.handleContentChunk
_process = WebRequest.process


def _on_length(request: Any, length: int | None) -> None:
    """Called once the headers are read; `None` where the body comes in chunks."""
    request.most = _allowed(request.channel)
    request._parsePOSTFormSubmission = False  # Twisted would read forms too, in memory of twelve times their size
    if length is not None and length > request.most:
        _got_length(request, 0)
        _refuse(request, _TOO_LARGE)
    else:
        _got_length(request, length)


def _on_chunk(request: Any, data: bytes) -> None:
    if request.refused is not None or request.content.tell() + len(data) > request.most:
        return _refuse(request, _TOO_LARGE)
    try:
        _take_chunk(request, data)
    except OSError as error:
        if not is_full(error):
            raise
        logger.warning("a request is refused: the disk is full")
        _refuse(request, _FULL)


def _allowed(channel: Any) -> float:
    """A stream of HTTP/2 has other names for what it knows of the request."""
    method, uri = (channel._command, channel._path) if hasattr(channel, "_path") else (channel.command, channel.path)
    return allowed(method.decode("latin-1"), uri.partition(b"?")[0].decode("latin-1"))


def _refuse(request: Any, status: tuple[int, bytes]) -> None:
    transport = request.channel.transport
    # A stream of HTTP/2 has no transport of its own; the connection has other streams and stays. See `_on_complete`.
    if request.refused is None and transport is not None:
        transport.write(b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        request.channel.loseConnection()
    request.refused = request.refused or status


def _on_complete(request: Any) -> None:
    if request.refused is not None and request.channel is not None and request.channel.transport is not None:
        return  # it has been told, and its connection ends
    if request.refused is not None:
        code, reason = request.refused
        request.basic_error(code, reason, reason.decode())
    else:
        if not isinstance(request.content, io.BytesIO) and request.content.seek(0, io.SEEK_END):
            request.content = _Mapped(request.content)
        _process(request)


class _Mapped:
    """A body in a file, read as views of it: what waits for the application takes no memory of ours."""

    def __init__(self, file: IO[bytes]) -> None:
        file.flush()
        self._file = file
        self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._at = 0

    @property
    def closed(self) -> bool:
        return self._file.closed

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """To the beginning, which is all that Daphne asks for."""
        self._at = offset
        return self._at

    def read(self, size: int | None = None) -> memoryview:
        part = self._view[self._at : None if size is None else self._at + size]
        self._at += len(part)
        return part

    def close(self) -> None:
        """The mapping goes with the last view of it."""
        self._file.close()


def bound_in_daphne() -> None:
    """For every Daphne of this process, whoever starts it."""
    WebRequest.refused = None
    WebRequest.process = _on_complete
    WebRequest.gotLength = _on_length
    WebRequest.handleContentChunk = _on_chunk
