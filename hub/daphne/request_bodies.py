"""Bounds on request bodies in Daphne, which stores a body before the application sees the request."""

from __future__ import annotations

import asyncio
import io
import logging
import mmap
from typing import IO, Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from django.http import HttpResponse

from bridges.rest.errors import no_space, problem
from devices.runtime import stats
from devices.runtime.file_storage import is_full
from hub.http_deadlines import Deadline, Phase
from hub.middleware import large_bodies
from hub.middleware.body_limit import (
    LINGER_BYTES,
    LINGER_S,
    allowed,
    headers_of,
    too_large,
)
from hub.middleware.large_bodies import Place

logger = logging.getLogger("hubbub")

_got_length = WebRequest.gotLength
_handle_chunk = WebRequest.handleContentChunk
_process = WebRequest.process
_connection_lost = WebRequest.connectionLost


def patch() -> None:
    """Refuses a large body while it arrives, or before that if nobody has signed in, and keeps a large one on the disk.

    Failure: Daphne has Twisted write a body of any size to the disk before the application is called, so that anybody
    could fill the disk. Twisted parses forms besides, in twelve times their size of memory, and Daphne then puts the
    whole body into a queue in memory.
    Unnecessary once Daphne passes a body on as it arrives, no faster than the application receives it, so that
    `BodyLimit` sees it in time; django/daphne#483 (open) asks for it, #126 (closed) did before. For the parsing of
    forms: twisted/twisted#4519 (open).
    """
    WebRequest.refused = None
    WebRequest.looking_up = None
    WebRequest.has_place = False
    WebRequest.forgotten = 0
    WebRequest.deadline = None
    WebRequest.gotLength = _check_length
    WebRequest.handleContentChunk = _check_chunk
    WebRequest.process = _process_when_admitted
    WebRequest.connectionLost = _end


def _check_length(request: Any, length: int | None) -> None:
    """Called once the headers are read; `length` is `None` where the body comes in chunks."""
    request.most = _allowed(request.channel)
    request._parsePOSTFormSubmission = False
    if length is not None and length > request.most:
        _got_length(request, 0)
        _refuse(request, too_large())
        return
    _got_length(request, length)
    if _is_stream(request):
        request.deadline = Deadline(lambda phase: _cut_stream(request, phase))
        request.deadline.wait_for(Phase.BODY)
    if request.most > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and large_bodies.is_large(length):
        # No more is read of the body while it is not known who sends it. A stream of HTTP/2, which is not paused on its
        # own, goes on for this moment.
        producer = None if _is_stream(request) else request.channel._networkProducer
        if producer is not None:
            producer.pauseProducing()
        address = getattr(request.channel.getPeer(), "host", "")  # behind a proxy, that of the proxy
        request.looking_up = asyncio.ensure_future(_look_up_sender(request, producer, address))


async def _look_up_sender(request: Any, producer: Any, address: str) -> None:
    headers = [(name.lower(), value) for name, values in request.requestHeaders.getAllRawHeaders() for value in values]
    try:
        found = await large_bodies.admit(headers, address)
    except Exception:
        logger.exception("a large request is refused: its sender cannot be looked up")
        found = problem("internal", "the hub failed; its log has the reason")
    if isinstance(found, Place):
        request.has_place = True
        _release_at_end(request, found)
    if request.channel is None:
        return
    if not isinstance(found, Place):
        _refuse(request, found)
    if producer is not None:
        producer.resumeProducing()


def _release_at_end(request: Any, place: Place) -> None:
    if request.channel is None:  # its connection was closed in the meantime
        place.release()
    else:
        request.notifyFinish().addBoth(lambda _: place.release())


def _check_chunk(request: Any, data: bytes) -> None:
    if request.deadline is not None:
        request.deadline.received(len(data))
    if request.refused is not None:
        request.forgotten += len(data)
        if request.forgotten > LINGER_BYTES and not _is_stream(request):
            request.channel._networkProducer.pauseProducing()
        return
    if request.content.tell() + len(data) > request.most:
        _refuse(request, too_large())
        return
    try:
        _handle_chunk(request, data)
    except OSError as error:
        if not is_full(error):
            raise
        logger.warning("a request is refused: the disk is full")
        _refuse(request, no_space())


def _allowed(channel: Any) -> float:
    """How many bytes the request may have. A stream of HTTP/2 keeps method and path under other names."""
    method, uri = (channel._command, channel._path) if hasattr(channel, "_path") else (channel.command, channel.path)
    return allowed(method.decode("latin-1"), uri.partition(b"?")[0].decode("latin-1"))


def _is_stream(request: Any) -> bool:
    """Whether it is one of several requests on a connection of HTTP/2, which has the transport."""
    return request.channel.transport is None


def _refuse(request: Any, response: HttpResponse) -> None:
    """Answers now over HTTP/1.1, and closes once the client had time to read it. A stream of HTTP/2 is answered by
    `_process_when_admitted`: its connection stays, as it has other streams."""
    if request.refused is None and not _is_stream(request):
        transport = request.channel.transport
        head = b"".join(b"%s: %s\r\n" % header for header in headers_of(response))
        status = b"HTTP/1.1 %d %s\r\n" % (response.status_code, response.reason_phrase.encode())
        transport.write(status + head + b"\r\n" + response.content)
        asyncio.get_running_loop().call_later(LINGER_S, transport.loseConnection)
    request.refused = request.refused or response


def _process_when_admitted(request: Any) -> Any:
    """Called once the body is complete, which it may be before the sender is known."""
    if request.looking_up is not None and not request.looking_up.done():
        request.looking_up.add_done_callback(lambda _: _process_unless_refused(request))
        return None
    return _process_unless_refused(request)


def _process_unless_refused(request: Any) -> Any:
    if request.deadline is not None:
        request.deadline.end()
    if request.channel is None:
        return None
    if request.refused is not None:
        if _is_stream(request):
            _answer_stream(request, request.refused)
        return None  # over HTTP/1.1 it is answered already; the connection is being closed
    if not isinstance(request.content, io.BytesIO) and request.content.seek(0, io.SEEK_END):
        request.content = _MappedBody(request.content)
    return _process(request)


def _answer_stream(request: Any, response: HttpResponse) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.items()]
    request.handle_reply({"type": "http.response.start", "status": response.status_code, "headers": headers})
    request.handle_reply({"type": "http.response.body", "body": response.content})


def _cut_stream(request: Any, phase: Phase) -> None:
    stats.connections_cut.labels(phase.value).inc()
    if request.channel is not None:
        request.channel.abortConnection()


def _end(request: Any, reason: Any) -> None:
    if request.deadline is not None:
        request.deadline.end()
    _connection_lost(request, reason)


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
