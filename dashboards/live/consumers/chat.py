"""`/ws/chat/<room>/`: the plain form known from tutorials, over the same rooms and permissions as `/ws/`.

The client sends `{"message": "…"}`; it gets `{"message": "…", "username": "…"}` and
`{"error": {"code", "message", "retry"}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dashboards.live import frames
from dashboards.live.consumers.following import FollowingConsumer
from dashboards.live.consumers.websocket import WebSocketConsumer
from dashboards.live.errors import CloseCode
from dashboards.live.frames import ErrorFrame, Frame, LogFrame, UnsubscribedFrame
from dashboards.live.handlers import Subscribe
from dashboards.live.requests import BadFrame
from dashboards.live.room_handlers import PostMessage
from dashboards.live.rooms import last_seq
from devices import access
from devices.access import Person
from devices.errors import NotFound
from devices.runtime import database
from devices.values import MessageKind

SHOWN_KINDS = frozenset([MessageKind.CHAT, MessageKind.COMMAND, MessageKind.NOTE, MessageKind.CHART])
"""Kinds of messages whose text is sent to the client."""


class _ChatLine(msgspec.Struct):
    message: str


class ChatConsumer(FollowingConsumer, WebSocketConsumer):
    """One client of one room. It does not know pings: each frame that could be written is its sign of life, and the
    server's own pings find out that a network is gone."""

    _room_id = 0

    async def wanted(self) -> Sequence[Subscribe]:
        name: str = self.scope["url_route"]["kwargs"]["room"]
        self._room_id = await database.run(_find_room, self.connection.person, name)
        return [Subscribe(stream=f"room:{self._room_id}")]

    def subscribed(self, stream: str, snapshot: dict[str, Any]) -> None:
        self.positions[self._room_id] = last_seq(snapshot)

    def decode(self, text: str) -> PostMessage:
        try:
            line = msgspec.json.decode(text, type=_ChatLine)
        except msgspec.ValidationError:
            raise BadFrame("invalid", 'a frame is {"message": "…"}') from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadFrame("invalid_json", f"the frame is not JSON: {error}") from None
        return PostMessage(room=self._room_id, text=line.message)

    async def deliver(self, frame: Frame) -> None:
        if isinstance(frame, ErrorFrame):
            await self._send_json({"error": frame.error})
        elif isinstance(frame, LogFrame):
            await self._deliver_message(frame.message)
        elif isinstance(frame, UnsubscribedFrame):
            gone = frames.error("not_found", "the room does not exist any more, or you may not read it any more")
            self.connection.close(CloseCode.NOT_FOUND, gone)

    async def _deliver_message(self, message: dict[str, Any]) -> None:
        if message["kind"] in SHOWN_KINDS and message["text"]:
            await self._send_json({"message": message["text"], "username": message["author"]})

    async def _send_json(self, line: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": msgspec.json.encode(line).decode()})


def _find_room(person: Person, name: str) -> int:
    """Returns the id of the room of this number, or of the device of this uid. Raises `NotFound`."""
    if name.isascii() and name.isdecimal() and len(name) <= 18:
        try:
            return access.room(person, int(name)).pk
        except NotFound:
            pass  # a uid may be a number too
    try:
        return access.device(person, name).room.pk
    except NotFound:
        raise NotFound(f"there is no room {name[:64]!r}") from None
