"""Notes on which connections somebody has signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

from hub.visits import Visit

Endpoint = Callable[[HttpRequest], Awaitable[HttpResponse]]


@async_only_middleware
def note_sign_in(get_response: Endpoint) -> Endpoint:
    """The connection of a request that a person or a device has signed counts for them, and not for its address."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        response = await get_response(request)
        scope: dict[str, Any] = getattr(request, "scope", {})
        visit: Visit | None = scope.get("state", {}).get("visit")
        if visit is not None and (who := _signed_by(request)):
            visit.sign_in(who)
        return response

    return middleware


def _signed_by(request: HttpRequest) -> Model | None:
    """The person or device, if it is known. Looks nobody up: pages that do not ask who it is stay without a query."""
    if known := getattr(request, "auth", None):  # set by the API
        return known
    user = getattr(request, "_cached_user", None)
    return user if getattr(user, "is_authenticated", False) else None
