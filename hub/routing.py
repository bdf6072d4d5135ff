"""Paths of what Django does not serve: WebSockets, and streams of events."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from dashboards.chat_consumer import ChatConsumer
from dashboards.consumers import HubConsumer, Receive
from dashboards.event_stream import EventStream
from dashboards.live.outbox import Send


async def refuse(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Any other path: HTTP 403, where the router alone would raise."""
    await receive()
    await send({"type": "websocket.close"})


live: Any = HubConsumer.as_asgi()
chat: Any = ChatConsumer.as_asgi()
elsewhere: Any = refuse
"""`Any`, because Django's types know views alone."""

websockets = URLRouter([path("ws/", live), path("ws/chat/<str:room>/", chat), re_path("", elsewhere)])

event_stream = EventStream.as_asgi()


def http(django: Any) -> Any:
    """The ASGI application for HTTP: `django`, but for event streams, which outlive any request of Django's."""

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        is_stream = scope["path"] == "/api/v1/stream" and scope["method"] == "GET"
        await (event_stream if is_stream else django)(scope, receive, send)

    return application
