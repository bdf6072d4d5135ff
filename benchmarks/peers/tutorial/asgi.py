"""`/telemetry/`: a consumer that is in the group. `/chat/`: one that passes messages on. `/idle/`: one that is in a
quiet group."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.tutorial.settings")

import django

django.setup()

import json  # noqa: E402

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class TutorialConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    group = "telemetry"

    async def connect(self) -> None:
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"type": "hello"}))

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def telemetry(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"device": event["device"], "values": event["values"]}))


class TutorialChatConsumer(TutorialConsumer):
    group = "chat"

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))


class TutorialIdleConsumer(TutorialConsumer):
    group = "idle"


application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("telemetry/", TutorialConsumer.as_asgi()),
                path("chat/", TutorialChatConsumer.as_asgi()),
                path("idle/", TutorialIdleConsumer.as_asgi()),
            ]
        )
    }
)
