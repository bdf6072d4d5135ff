"""Our own counters for Prometheus."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridges.rest.errors import problem
from devices.runtime import database
from devices.runtime.database import AWAY
from devices.spaces import tokens

Endpoint = Callable[[HttpRequest], Awaitable[HttpResponse]]

PATH = "/metrics"
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Via")


@async_only_middleware
def answer_scrapers(get_response: Endpoint) -> Endpoint:
    """Answers `/metrics` before the request's Host is judged: Prometheus names the address at which it found us."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        return await (show_metrics if request.path == PATH else get_response)(request)

    return middleware


async def show_metrics(request: HttpRequest) -> HttpResponse:
    """The counters of `devices.stats` and of the process, for the machine itself and for holders of an API token."""
    try:
        allowed = _is_local(request) or await _has_token(request)
    except AWAY:
        return problem("unavailable", "the database is away, so no token can be looked up")
    if not allowed:
        response = problem("unauthenticated", "from another machine this needs an API token")
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks, and not a proxy on it for the whole world."""
    if any(header in request.headers for header in _PROXY_HEADERS):
        return False
    try:
        request.get_host()  # a page whose name was made to mean this machine (DNS rebinding) asks by another
    except DisallowedHost:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


async def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and await database.run(tokens.owner, token) is not None
