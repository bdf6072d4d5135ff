"""`/ws/chat/<room>/`: the plain form known from tutorials, over the same rooms and rights as `/ws/`.

`{"message": "…"}` in; `{"message": "…", "username": "…"}` out, and `{"error": {"code", "message", "retry"}}`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import Error as DatabaseError

from dashboards.consumers import LiveConsumer, Receive
from dashboards.live import frames, handlers
from dashboards.live.connection import Connection
from dashboards.live.errors import CloseCode, describe
from dashboards.live.frames import BadFrame
from dashboards.live.handlers import Subscribe
from dashboards.live.outbox import Send
from dashboards.live.talk import Message
from devices import access
from devices.access import Person
from devices.errors import HubbubError, NotFound
from devices.runtime import database
from devices.values import MessageKind

SAID = frozenset([MessageKind.CHAT, MessageKind.COMMAND, MessageKind.NOTE, MessageKind.CHART])
"""Kinds of messages with a text that is worth a line of its own."""


class Said(msgspec.Struct):
    message: str


class ChatConsumer(LiveConsumer):
    """One client of a room. What is missing after a loss on the channel layer is read from the log for it."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self._name: str = scope["url_route"]["kwargs"]["room"]
        self._room_id = 0
        self._last = 0

    def farewell(self, code: str, message: str) -> str:
        return _encode({"error": describe(code, message)})

    async def begin(self, connection: Connection) -> None:
        try:
            self._room_id = await database.run(_find, connection.person, self._name)
            request = Subscribe(stream=f"room:{self._room_id}")
            self._last = (await handlers.subscribe(self.relay, connection, request))["seq"]
        except HubbubError as error:
            connection.close(CloseCode.NOT_FOUND, frames.error(error.code, error.message))
        except DatabaseError:
            connection.close(CloseCode.RESTART, frames.error("unavailable", "the database is away: come back"))
        connection.outbox.release()

    async def take(self, connection: Connection, text: str) -> None:
        await handlers.take(self.relay, connection, text, self._decode)

    def _decode(self, text: str) -> Message:
        try:
            said = msgspec.json.decode(text, type=Said)
        except msgspec.ValidationError:
            raise BadFrame("invalid", 'a frame is {"message": "…"}') from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadFrame("invalid_json", f"the frame is not JSON: {error}") from None
        return Message(room=self._room_id, text=said.message)

    def writer(self, connection: Connection) -> Send:
        return lambda message: self._translate(connection, msgspec.json.decode(message["text"]))

    async def _translate(self, connection: Connection, frame: dict[str, Any]) -> None:
        """A frame of `/ws/`. The client knows no pings: that frames leave in time is its sign of life, and the server's
        own pings find the network gone."""
        match frame:
            case {"error": error}:
                await self._tell({"error": error})
            case {"type": "message"}:
                await self._say(frame)
            case {"type": "resync"}:
                await self._catch_up(connection)
            case {"type": "unsubscribed"}:
                self._end(connection)
        connection.heard()

    async def _say(self, message: dict[str, Any]) -> None:
        if message["seq"] <= self._last:
            return  # read from the log already, for a loss that was told twice
        self._last = message["seq"]
        if message["kind"] in SAID and message["text"]:
            await self._tell({"message": message["text"], "username": message["author"]})

    async def _tell(self, frame: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": _encode(frame)})

    async def _catch_up(self, connection: Connection) -> None:
        try:
            async for message in handlers.follow(self.relay, connection, self._room_id, self._last):
                await self._say(message)
        except HubbubError:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        connection.close(CloseCode.NOT_FOUND, frames.error("not_found", "the room is no longer yours to read"))


def _find(person: Person, name: str) -> int:
    """Id of the room of this number, or of the device of this uid. Raises `NotFound`."""
    if name.isascii() and name.isdecimal() and len(name) <= 18:
        try:
            return access.room(person, int(name)).pk
        except NotFound:
            pass  # a uid may be a number too
    try:
        return access.device(person, name).room.pk
    except NotFound:
        raise NotFound(f"there is no room {name[:64]!r}") from None


def _encode(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()
