from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, path, re_path

from bridges.rest import health, openapi
from bridges.rest.api import api
from bridges.rest.errors import problem

Endpoint = Callable[..., Awaitable[HttpResponse]]


def _with_our_headers(endpoint: Endpoint) -> Endpoint:
    """Makes responses uncacheable unless they say otherwise, and gives ninja's "method not allowed" the shape of all
    errors."""

    @wraps(endpoint)
    async def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = await endpoint(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            allowed = response["Allow"]
            response = problem("method_not_allowed", f"this path accepts {allowed}")
            response["Allow"] = allowed
        response.setdefault("Cache-Control", "no-store")
        return response

    return wrapped


def _api_patterns() -> Iterator[URLPattern | URLResolver]:
    patterns, _, _ = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and iscoroutinefunction(pattern.callback):
            pattern.callback = _with_our_headers(pattern.callback)
        yield pattern


async def _unknown(request: HttpRequest) -> HttpResponse:
    return problem("not_found", "there is nothing here; /api/v1/docs lists the endpoints")


_unknown.csrf_exempt = True  # type: ignore[attr-defined]  # an unknown path is unknown to every client

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("api/v1/", _unknown),  # before ninja's root, which answers with an HTML page
    path("api/v1/openapi.json", openapi.show_document),  # in place of ninja's, which makes it anew for each request
    path("api/v1/", (list(_api_patterns()), "ninja", "api")),
    re_path("^api/", _unknown),
]
