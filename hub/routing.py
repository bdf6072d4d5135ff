"""Paths of WebSockets."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from dashboards.consumers import HubConsumer, Receive
from dashboards.live.outbox import Send


async def refuse(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Any other path: HTTP 403, where the router alone would raise."""
    await receive()
    await send({"type": "websocket.close"})


live: Any = HubConsumer.as_asgi()
elsewhere: Any = refuse
"""`Any`, because Django's types know views alone."""

websockets = URLRouter([path("ws/", live), re_path("", elsewhere)])
