"""Features of the browser that the hub's pages may use, so that an injected script or frame gets no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

Endpoint = Callable[[HttpRequest], Awaitable[HttpResponse]]

OWN = ("fullscreen", "microphone", "screen-wake-lock")
"""For talks in rooms and for dashboards on a wall."""
NOBODY = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "midi",
    "payment",
    "serial",
    "usb",
)
POLICY = ", ".join([*(f"{name}=(self)" for name in OWN), *(f"{name}=()" for name in NOBODY)])


@async_only_middleware
def limit_features(get_response: Endpoint) -> Endpoint:
    async def middleware(request: HttpRequest) -> HttpResponse:
        response = await get_response(request)
        response["Permissions-Policy"] = POLICY
        return response

    return middleware
