"""`GET /api/v1/stream?device=…&dashboard=…&room=…&inbox=1`: the frames of `/ws/` as Server-Sent Events.

For networks that block WebSockets, and for `curl`. One way only: the address names the streams, requests go over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import QueryDict

from dashboards.live import addresses, frames, handlers, logins, origins, relay
from dashboards.live.connection import Connection
from dashboards.live.errors import CloseCode, describe
from dashboards.live.outbox import Send
from dashboards.live.relay import Relay
from dashboards.live.rooms import last_seq
from devices.access import Person
from devices.errors import HubbubError
from devices.runtime import database
from devices.values import now_us

logger = logging.getLogger("hubbub.live")

Receive = Callable[[], Awaitable[dict[str, Any]]]

RETRY_MS = 2_000
"""When a browser comes back by itself."""
FAREWELL_S = 2.0
"""How long the last event may take to leave."""

_STATUS = {"unauthenticated": 401, "forbidden": 403, "not_found": 404, "invalid": 422, "too_many": 429}
_NUMBER = re.compile(r'\{"type":"telemetry","n":([0-9]+),')
_MESSAGE = re.compile(r'\{"type":"message","room":([0-9]+),"seq":([0-9]+),')
_SNAPSHOT = re.compile(r'\{"type":"snapshot","stream":"room:([0-9]+)",')
_ROOM = "room:"
_RESYNC = '{"type":"resync",'


class Refused(Exception):
    """The request is answered with an error and no stream; `code` is a key of `errors.ERRORS`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class EventStream:
    """One open stream. Flow control is the socket's own: what has been written counts as acknowledged."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._query = QueryDict(scope["query_string"])
        self._receive = receive
        self._send = send
        self._relay: Relay = relay.current()
        self._last_event_id = next(
            (v.decode("latin-1") for name, v in scope["headers"] if name == b"last-event-id"), ""
        )
        self._n = 0
        self._positions: dict[int, int] = {}
        """Room -> seq of the last message written."""
        self._of_snapshots: dict[int, int] = {}
        """The same of the snapshots that wait to be written."""

    @classmethod
    def as_asgi(cls) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
        def application(scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
            return cls(scope, receive, send).run()

        return application

    async def run(self) -> None:
        try:
            connection = await self._enter()
        except Refused as refused:
            await self._refuse(refused)
        else:
            await self._serve(connection)

    async def _enter(self) -> Connection:
        login = logins.read(self._headers)
        if login.token is None and _is_foreign(self._headers):
            raise Refused("forbidden", "another page may not read this in somebody's name")
        try:
            person = await database.run(logins.person, login)
        except DatabaseError:
            raise Refused("unavailable", "the database is away: try again") from None
        if person is None:
            raise Refused("unauthenticated", "sign in, or send a valid token")
        self._check_room(person)
        return Connection(person, login, self._relay.clock, self._relay.number)

    def _check_room(self, person: Person) -> None:
        if self._relay.closing:
            raise Refused("unavailable", "the hub restarts: come back")
        if 0 < settings.CONNECTION_LIMIT <= self._relay.connections_of(int(person.pk or 0)):
            raise Refused("too_many", f"a person may have {settings.CONNECTION_LIMIT} connections")

    async def _serve(self, connection: Connection) -> None:
        gone = asyncio.create_task(self._until_gone())
        writer: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(None) as life:
                connection.live(life)
                await self._relay.add(connection)
                connection.busy = True  # nothing can be sent yet, so its silence says nothing
                await self._subscribe(connection)
                await self._begin(connection.person)
                connection.busy = False
                connection.heard()
                writer = asyncio.create_task(connection.outbox.drain(lambda message: self._write(connection, message)))
                await asyncio.wait({gone, writer}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:  # the hub has ended it
            if writer is None:
                ended = connection.closed is CloseCode.UNAUTHENTICATED
                await self._refuse(Refused("unauthenticated" if ended else "unavailable", "come back"))
        except Refused as refused:
            await self._refuse(refused)
        finally:
            connection.live(None)
            gone.cancel()
            try:
                if writer is not None:
                    await self._end(connection, writer)
            finally:
                self._relay.remove(connection)

    async def _subscribe(self, connection: Connection) -> None:
        """To all that the query names and the person may watch. Where that is nothing of it, there is no stream."""
        try:
            wanted = addresses.wanted(self._query, self._last_event_id)
        except HubbubError as error:
            raise Refused(error.code, error.message) from None
        for request in wanted:
            try:
                snapshot = await handlers.subscribe(self._relay, connection, request)
            except HubbubError as error:
                if len(wanted) == 1:
                    raise Refused(error.code, error.message) from None
                connection.push(frames.unsubscribed(request.stream, error.code))
            except DatabaseError:
                raise Refused("unavailable", "the database is away: try again") from None
            else:
                connection.outbox.reply(frames.snapshot(request.stream, snapshot))
                self._note(connection, request.stream, snapshot)
            connection.outbox.release()
        stale = [stream for stream, shown in connection.streams.items() if shown.devices]
        if stale and self._last_event_id:
            connection.push(frames.resync(stale, "reconnect"))

    def _note(self, connection: Connection, stream: str, snapshot: dict[str, Any]) -> None:
        if stream.startswith(_ROOM):
            last = self._of_snapshots[_room_id(stream)] = last_seq(snapshot)
            if last < snapshot["seq"]:
                connection.push(frames.resync([stream], "gap"))  # for the writer, which goes on from there

    async def _begin(self, person: Person) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would hold events back until a buffer is full
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        # Made now: pages set their clocks by it, and a layer that is away has held up the subscription for seconds.
        welcome = frames.welcome(person.get_username(), now_us() // 1000, {})
        await self._body(f"retry: {RETRY_MS}\n\ndata: {welcome}\n\n")

    async def _write(self, connection: Connection, message: dict[str, Any]) -> None:
        text: str = message["text"]
        if text.startswith(_RESYNC):
            await self._resync(connection, msgspec.json.decode(text))
        elif not self._was_sent(text):
            await self._event(connection, text)

    async def _event(self, connection: Connection, text: str) -> None:
        number, is_new = _NUMBER.match(text), self._moves(text)
        if number:
            self._n = int(number[1])
        id = f"id: {addresses.event_id(self._n, self._positions)}\n" if number or is_new else ""
        await self._body(f"{id}data: {text}\n\n")
        if number:
            connection.acknowledge(self._n)
        else:
            connection.heard()

    def _was_sent(self, text: str) -> bool:
        """Whether it is a message that has been read from the log already, for a loss that was told twice."""
        found = _MESSAGE.match(text)
        return found is not None and int(found[2]) <= self._positions.get(int(found[1]), 0)

    def _moves(self, text: str) -> bool:
        """Whether with this event the client knows more of a room's log."""
        if found := _MESSAGE.match(text):
            self._positions[int(found[1])] = int(found[2])
        elif found := _SNAPSHOT.match(text):
            self._positions[int(found[1])] = self._of_snapshots.pop(int(found[1]))
        return found is not None

    async def _resync(self, connection: Connection, frame: dict[str, Any]) -> None:
        """The client can ask for nothing here: what is missing of rooms is sent without it."""
        rooms = [stream for stream in frame["streams"] if stream.startswith(_ROOM)]
        if others := [stream for stream in frame["streams"] if stream not in rooms]:
            await self._event(connection, frames.resync(others, frame["reason"]))
        for stream in rooms:
            await self._catch_up(connection, stream)

    async def _catch_up(self, connection: Connection, stream: str) -> None:
        room_id = _room_id(stream)
        try:
            async for message in handlers.follow(self._relay, connection, room_id, self._positions[room_id]):
                await self._event(connection, frames.logged(room_id, message))
        except HubbubError as error:
            await self._event(connection, frames.unsubscribed(stream, error.code))

    async def _body(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _end(self, connection: Connection, writer: asyncio.Task[None]) -> None:
        """A client that takes nothing any more must not keep the connection for ever."""
        if connection.closed is not None:
            await asyncio.wait({writer}, timeout=FAREWELL_S)
        writer.cancel()
        with suppress(Exception):  # the client may be gone already
            async with asyncio.timeout(FAREWELL_S):
                await self._send({"type": "http.response.body", "body": b""})

    async def _refuse(self, refused: Refused) -> None:
        body = msgspec.json.encode({"error": describe(refused.code, refused.message)})
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        status = _STATUS.get(refused.code, 503)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _room_id(stream: str) -> int:
    return int(stream.removeprefix(_ROOM))


def _is_foreign(headers: origins.Headers) -> bool:
    """A browser names the page's origin unless it is the hub's own."""
    return any(name == b"origin" for name, _ in headers) and not origins.is_allowed(headers)
