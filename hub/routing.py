"""Paths of what Django does not serve: WebSockets, and event streams."""

from __future__ import annotations

from functools import partial
from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from bridges.websocket.application import MqttOverWebSocket
from dashboards.live import origins
from dashboards.live.consumers.chat import ChatConsumer
from dashboards.live.consumers.event_stream import EventStreamConsumer
from dashboards.live.consumers.hub import HubConsumer
from dashboards.live.relays import Relays
from hub.middleware import Receive, Send

relays = Relays()
"""The relays that all live connections of this process share."""


async def refuse(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers any other path with HTTP 403; without it the router would raise."""
    await receive()
    await send({"type": "websocket.close"})


mqtt = MqttOverWebSocket(partial(origins.is_allowed, required=False))
"""Programs name no origin. A browser's page has to be the hub's own: any page that somebody visits could otherwise try
secrets from within their network."""

live: Any = HubConsumer.as_asgi(relays=relays)
chat: Any = ChatConsumer.as_asgi(relays=relays)
mqtt_broker: Any = mqtt
elsewhere: Any = refuse
"""`Any`, because Django's types only know views."""

websockets = URLRouter(
    [path("ws/", live), path("ws/chat/<str:room>/", chat), path("mqtt", mqtt_broker), re_path("", elsewhere)]
)

event_stream = EventStreamConsumer.as_asgi(relays=relays)


def http(django: Any) -> Any:
    """Returns the ASGI application for HTTP: `django`, except for event streams, which outlive any of its requests."""

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        is_stream = scope["path"] == "/api/v1/stream" and scope["method"] == "GET"
        await (event_stream if is_stream else django)(scope, receive, send)

    return application
