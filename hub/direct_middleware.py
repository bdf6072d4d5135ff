"""Middleware that waits for nothing runs on the event loop."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

DIRECT = (
    SecurityMiddleware,
    CSPMiddleware,
    SessionMiddleware,
    CommonMiddleware,
    CsrfViewMiddleware,
    AuthenticationMiddleware,
    MessageMiddleware,
    XFrameOptionsMiddleware,
)


def patch() -> None:
    """Calls what these do before and after a view directly, except where that needs the database.

    Failure: Django calls each of these hooks in a thread, twelve or more times for a request. Each time it waits for a
    thread and for the interpreter's lock, so that a few dozen requests a second delayed everything else in the process.
    Unnecessary once Django's own middleware is asynchronous (it is not in 5.2).
    """
    for kind in DIRECT:
        setattr(kind, "__acall__", _call)  # noqa: B010 - a method, for mypy


async def _call(middleware: Any, request: HttpRequest) -> HttpResponseBase:
    early = middleware.process_request(request) if hasattr(middleware, "process_request") else None
    response: HttpResponseBase = early or await middleware.get_response(request)
    if not hasattr(middleware, "process_response"):
        return response
    if _may_read_or_store(middleware, request):
        return await sync_to_async(middleware.process_response, thread_sensitive=True)(request, response)
    answer: HttpResponseBase = middleware.process_response(request, response)
    return answer


def _may_read_or_store(middleware: Any, request: Any) -> bool:
    """Whether the middleware is about to save the login session, or messages, which may be in the session."""
    if isinstance(middleware, SessionMiddleware):
        return bool(request.session.modified)
    if isinstance(middleware, MessageMiddleware):
        return bool(request._messages.used or request._messages.added_new)
    return False
