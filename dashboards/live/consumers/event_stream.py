"""`GET /api/v1/stream?device=…&dashboard=…&room=…&inbox=1`: the frames of `/ws/` as Server-Sent Events.

For networks that block WebSockets, and for `curl`. One way only: the address names the streams, requests go over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from channels.exceptions import StopConsumer
from django.http import QueryDict

from dashboards.live import frames
from dashboards.live.consumers import event_stream_query
from dashboards.live.consumers.following import FollowingConsumer
from dashboards.live.consumers.live import Message
from dashboards.live.errors import HTTP_STATUS_OF, CloseCode, EntryRefused, describe
from dashboards.live.frames import Frame, LogFrame, RoomSnapshotFrame, TelemetryFrame
from dashboards.live.handlers import Subscribe
from dashboards.live.relays import Relays
from dashboards.live.rooms import last_seq
from devices.values import now_us

RETRY_MS = 2_000
"""After how long a browser reconnects by itself."""
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class EventStreamConsumer(FollowingConsumer):
    """One open stream."""

    origin_required = False

    def __init__(self, relays: Relays) -> None:
        super().__init__(relays)
        self._last_n = 0

    async def refuse(self, refused: EntryRefused) -> None:
        body = msgspec.json.encode({"error": describe(refused.code, refused.message)})
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), _NOSNIFF]
        if refused.wait_s:
            headers.append((b"retry-after", str(refused.wait_s).encode()))
        status = HTTP_STATUS_OF.get(refused.code, 503)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def wanted(self) -> Sequence[Subscribe]:
        return event_stream_query.wanted(QueryDict(self.scope["query_string"]), self._last_event_id)

    def subscribed(self, stream: str, snapshot: dict[str, Any]) -> None:
        room_id = stream.removeprefix("room:")
        if room_id == stream:
            self.connection.outbox.reply(frames.snapshot(stream, snapshot))
            return
        last = last_seq(snapshot)
        self.connection.outbox.reply(frames.room_snapshot(int(room_id), snapshot, last))
        if last < snapshot["seq"]:
            self.connection.push(frames.resync([stream], "gap"))  # for `write`, which reads on from there

    async def start(self) -> None:
        stale = [stream for stream, contents in self.connection.streams.items() if contents.devices]
        if stale and self._last_event_id:
            self.connection.push(frames.resync(stale, "reconnect"))
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            _NOSNIFF,
            (b"x-accel-buffering", b"no"),  # nginx would hold events back until a buffer is full
        ]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        # Made now: pages set their clocks by it, and a slow channel layer may have delayed the subscription.
        welcome = frames.welcome(self.connection.person.get_username(), now_us() // 1000, {})
        await self._send_body(f"retry: {RETRY_MS}\n\ndata: {welcome.text}\n\n")

    async def deliver(self, frame: Frame) -> None:
        if isinstance(frame, TelemetryFrame):
            self._last_n = frame.n
        id = ""
        if isinstance(frame, TelemetryFrame | LogFrame | RoomSnapshotFrame):
            id = f"id: {event_stream_query.event_id(self._last_n, self.positions)}\n"
        await self._send_body(f"{id}data: {frame.text}\n\n")

    async def finish(self, code: CloseCode) -> None:
        await self.send({"type": "http.response.body", "body": b""})

    async def http_request(self, message: Message) -> None:
        """The body of the request, which does not matter."""

    async def http_disconnect(self, message: Message) -> None:
        raise StopConsumer

    @property
    def _last_event_id(self) -> str:
        return next((value.decode("latin-1") for name, value in self.scope["headers"] if name == b"last-event-id"), "")

    async def _send_body(self, text: str) -> None:
        await self.send({"type": "http.response.body", "body": text.encode(), "more_body": True})
