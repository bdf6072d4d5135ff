"""Bounds on request bodies in Daphne, which stores a body before the application sees the request."""

from __future__ import annotations

import io
import logging
import mmap
from typing import IO, Any

from daphne.http_protocol import WebRequest

from devices.runtime.file_storage import is_full
from hub.middleware.body_limit import allowed

logger = logging.getLogger("hubbub")

_TOO_LARGE, _FULL = (413, b"Content Too Large"), (503, b"Service Unavailable")
_got_length = WebRequest.gotLength
_handle_chunk = WebRequest.handleContentChunk
_process = WebRequest.process


def patch() -> None:
    """Refuses a large body while it arrives, and keeps a large one on the disk.

    Failure: Daphne has Twisted write a body of any size to the disk before the application is called, so that anybody
    could fill the disk. Twisted parses forms besides, in twelve times their size of memory, and Daphne then puts the
    whole body into a queue in memory.
    Unnecessary once Daphne passes a body on as it arrives, no faster than the application receives it, so that
    `BodyLimit` sees it in time; django/daphne#483 (open) asks for it, #126 (closed) did before. For the parsing of
    forms: twisted/twisted#4519 (open).
    """
    WebRequest.refused = None
    WebRequest.gotLength = _check_length
    WebRequest.handleContentChunk = _check_chunk
    WebRequest.process = _process_unless_refused


def _check_length(request: Any, length: int | None) -> None:
    """Called once the headers are read; `length` is `None` where the body comes in chunks."""
    request.most = _allowed(request.channel)
    request._parsePOSTFormSubmission = False
    if length is not None and length > request.most:
        _got_length(request, 0)
        _refuse(request, _TOO_LARGE)
    else:
        _got_length(request, length)


def _check_chunk(request: Any, data: bytes) -> None:
    if request.refused is not None or request.content.tell() + len(data) > request.most:
        return _refuse(request, _TOO_LARGE)
    try:
        _handle_chunk(request, data)
    except OSError as error:
        if not is_full(error):
            raise
        logger.warning("a request is refused: the disk is full")
        _refuse(request, _FULL)


def _allowed(channel: Any) -> float:
    """How many bytes the request may have. A stream of HTTP/2 keeps method and path under other names."""
    method, uri = (channel._command, channel._path) if hasattr(channel, "_path") else (channel.command, channel.path)
    return allowed(method.decode("latin-1"), uri.partition(b"?")[0].decode("latin-1"))


def _refuse(request: Any, status: tuple[int, bytes]) -> None:
    transport = request.channel.transport
    # A stream of HTTP/2 has no transport of its own. Its connection stays, as it has other streams; the refused one is
    # answered by `_process_unless_refused`.
    if request.refused is None and transport is not None:
        transport.write(b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        request.channel.loseConnection()
    request.refused = request.refused or status


def _process_unless_refused(request: Any) -> None:
    """Called once the body is complete."""
    if request.refused is not None and request.channel is not None and request.channel.transport is not None:
        return  # answered already; the connection is being closed
    if request.refused is not None:
        code, reason = request.refused
        request.basic_error(code, reason, reason.decode())
        return
    if not isinstance(request.content, io.BytesIO) and request.content.seek(0, io.SEEK_END):
        request.content = _MappedBody(request.content)
    _process(request)


class _MappedBody:
    """A body in a file, read as views of the mapped file: the queue then holds no copies of it."""

    def __init__(self, file: IO[bytes]) -> None:
        file.flush()
        self._file = file
        self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._at = 0

    @property
    def closed(self) -> bool:
        return self._file.closed

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to the beginning, which is all that Daphne asks for."""
        self._at = offset
        return self._at

    def read(self, size: int | None = None) -> memoryview:
        part = self._view[self._at : None if size is None else self._at + size]
        self._at += len(part)
        return part

    def close(self) -> None:
        """The mapping is released with the last view of it."""
        self._file.close()
