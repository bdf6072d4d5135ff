"""Notes on which connections somebody has signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

from hub.visits import Visit

Endpoint = Callable[[HttpRequest], Awaitable[HttpResponse]]


@async_only_middleware
def note_sign_in(get_response: Endpoint) -> Endpoint:
    """The connection of a request that a person or a device has signed does not count against its address any more."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        response = await get_response(request)
        scope: dict[str, Any] = getattr(request, "scope", {})
        visit: Visit | None = scope.get("state", {}).get("visit")
        if visit is not None and _is_signed_in(request):
            visit.sign_in()
        return response

    return middleware


def _is_signed_in(request: HttpRequest) -> bool:
    """Looks nobody up: pages that do not ask who it is stay without a query."""
    if getattr(request, "auth", None):  # set by the API
        return True
    return bool(getattr(getattr(request, "_cached_user", None), "is_authenticated", False))
