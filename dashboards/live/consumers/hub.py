"""`/ws/`: the documented protocol of the live connection."""

from __future__ import annotations

from django.conf import settings

from dashboards.live import frames, requests, window
from dashboards.live.connection import MAX_STREAMS
from dashboards.live.consumers.websocket import WebSocketConsumer
from devices.log.text import MAX_TEXT
from devices.runtime import request_rates
from devices.values import now_us


class HubConsumer(WebSocketConsumer):
    async def start(self) -> None:
        username = self.connection.person.get_username()
        self.connection.push(frames.welcome(username, now_us() // 1000, limits()))


def limits() -> dict[str, float]:
    """The limits of a client that `welcome` reports; 0 means no limit."""
    return {
        "frame_bytes": requests.MAX_FRAME_BYTES,
        "streams": MAX_STREAMS,
        "requests_per_s": settings.REQUEST_RATE_LIMIT,
        "requests_at_once": request_rates.BURST,
        "window_frames": window.MAX_FRAMES,
        "window_bytes": window.MAX_BYTES,
        "message_characters": MAX_TEXT,
        "messages_per_min": settings.CHAT_RATE_LIMIT,
    }
