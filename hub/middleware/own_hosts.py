"""Refuses requests for foreign hosts before anything else is done for them."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.template.loader import render_to_string

from hub.middleware import Application, Receive, Send

logger = logging.getLogger("django.security.DisallowedHost")

_EXEMPT = ("/metrics", "/static/")
"""Prometheus sends the address that it scrapes; the answer to a foreign host needs its style sheet."""


class OwnHosts:
    """ASGI middleware: answers 400 to HTTP requests for other hosts than `ALLOWED_HOSTS`. Django does the same,
    but only after most of what it does for any page."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_EXEMPT) or _is_own(scope):
            await self._application(scope, receive, send)
        else:
            logger.error("a request for a foreign host was refused: %.100r", _host(scope))
            await _refuse(send)


async def _refuse(send: Send) -> None:
    body = _page()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_own(scope: dict[str, Any]) -> bool:
    """Whether the Host header is right, or missing: what that means is left to Django."""
    host = _host(scope)
    return not host or validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def _host(scope: dict[str, Any]) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


@cache
def _page() -> bytes:
    return render_to_string("400.html").encode()
