"""Responses whose application fails halfway."""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import WebRequest

from hub.daphne.sending import close_gate

_handle_exception = WebRequest.handle_exception


def patch() -> None:
    """Cuts the connection of a response that its application has left unfinished.

    Failure: Daphne answers an exception with a page of its own, which raises once the response has begun. The
    connection stays open, and the client waits for the rest for ever.
    Unnecessary once `WebRequest.handle_exception` aborts a response that has begun, as uvicorn does (Daphne 4.2.3 does
    not; no issue asks for it).
    """
    WebRequest.handle_exception = _abort_or_answer


def _abort_or_answer(request: Any, exception: BaseException) -> None:
    if not request._response_started:
        _handle_exception(request, exception)
    elif request.channel is not None:
        close_gate(request)
        # A stream of HTTP/2 has no transport of its own: only the stream is reset, not the connection.
        (request.channel.transport or request.channel).abortConnection()
