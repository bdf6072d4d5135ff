"""The hub's own counters, for Prometheus."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridges.rest.errors import problem
from devices.errors import TooMany
from devices.runtime.database import UNAVAILABLE_ERRORS
from devices.runtime.login_checks import checks
from devices.spaces import tokens

Endpoint = Callable[[HttpRequest], Awaitable[HttpResponse]]

PATH = "/metrics"
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Via")


@async_only_middleware
def answer_scrapers(get_response: Endpoint) -> Endpoint:
    """Answers `/metrics` before Django checks the Host header: Prometheus sends the address that it scrapes."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        return await (show_metrics if request.path == PATH else get_response)(request)

    return middleware


async def show_metrics(request: HttpRequest) -> HttpResponse:
    """The counters of `devices.runtime.stats` and of the process, for local programs and holders of an API token."""
    try:
        allowed = _is_local(request) or await _has_token(request)
    except UNAVAILABLE_ERRORS:
        return problem("unavailable", "the database is unavailable, so the token cannot be checked")
    if not allowed:
        response = problem("unauthenticated", "a request from another machine, or with PUBLIC_URL, needs an API token")
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine sent the request itself, rather than a proxy on it for somebody else.

    A proxy need not say that it is one, so where there may be one no request counts as local.
    """
    if settings.PUBLIC_URLS or settings.TRUSTED_PROXIES or any(header in request.headers for header in _PROXY_HEADERS):
        return False
    try:
        request.get_host()  # a page that reaches this machine by DNS rebinding sends a host name of its own
    except DisallowedHost:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


async def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        return await checks.run(request.META.get("REMOTE_ADDR", ""), tokens.owner, token) is not None
    except TooMany:
        return False
