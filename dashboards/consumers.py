"""The consumers of WebSockets: who may come in, and the loop that reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from dashboards.live import frames, handlers, logins, origins, rates, relay, window
from dashboards.live.connection import MAX_STREAMS, Connection
from dashboards.live.errors import CloseCode
from dashboards.live.frames import BadFrame
from dashboards.live.outbox import Send
from dashboards.live.relay import Relay
from devices.log.text import MAX_TEXT
from devices.runtime import database, stats
from devices.values import now_us

logger = logging.getLogger("hubbub.live")

Receive = Callable[[], Awaitable[dict[str, Any]]]

FAREWELL_S = 2.0
"""How long the last frame, and then the close frame, may take to leave."""


class LiveConsumer:
    """One live connection.

    A plain ASGI application in place of Channels' consumers: those take a channel, a task and a thread hop for each
    connection or message, which the relay makes needless.
    """

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self.send = send
        self.relay: Relay = relay.current()

    @classmethod
    def as_asgi(cls) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
        def application(scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
            return cls(scope, receive, send).run()

        return application

    def greet(self, connection: Connection) -> None:
        """Pushes the first frame, if any."""

    async def begin(self, connection: Connection) -> None:
        """Called once the relay has the connection, before the client's first frame is read."""

    async def take(self, connection: Connection, text: str) -> None:
        """Deals with one frame of the client."""
        raise NotImplementedError

    def writer(self, connection: Connection) -> Send:
        """What writes the frames of the outbox."""
        return self.send

    def farewell(self, code: str, message: str) -> str:
        """What is told somebody who may not come in."""
        return frames.error(code, message)

    async def run(self) -> None:
        connection = await self._enter()
        if connection is not None:
            await self._serve(connection)

    async def _enter(self) -> Connection | None:
        """The connection of somebody who may come in; all others have been refused or told why."""
        await self._receive()  # "websocket.connect"
        login = logins.read(self._headers)
        if login.token is None and not origins.is_allowed(self._headers):
            # Before it is accepted, so with HTTP 403: a foreign page learns nothing, not even who is signed in.
            logger.warning("refused a connection from a foreign origin")
            await self.send({"type": "websocket.close"})
            return None
        await self.send({"type": "websocket.accept"})
        try:
            person = await database.run(logins.person, login)
        except DatabaseError as error:
            logger.warning("no database to look up a login: %s", error)
            await self._turn_away(CloseCode.RESTART, "unavailable", "the database is away: come back")
            return None
        if person is None:
            await self._turn_away(CloseCode.UNAUTHENTICATED, "unauthenticated", "sign in, or send a valid token")
            return None
        connection = Connection(person, login, self.relay.clock, self.relay.number)
        if self.relay.closing:
            await self._turn_away(CloseCode.RESTART, "unavailable", "the hub restarts: come back")
        elif 0 < settings.CONNECTION_LIMIT <= self.relay.connections_of(connection.user_id):
            limit = f"a person may have {settings.CONNECTION_LIMIT} connections"
            await self._turn_away(CloseCode.TOO_MANY, "too_many", limit)
        else:
            return connection
        return None

    async def _turn_away(self, code: CloseCode, error: str, message: str) -> None:
        """A frame that says why, since browsers are not told the reason of a close, and the close."""
        stats.connections_closed.labels(str(code.value)).inc()
        await self.send({"type": "websocket.send", "text": self.farewell(error, message)})
        await self.send({"type": "websocket.close", "code": code.value})

    async def _serve(self, connection: Connection) -> None:
        writer = asyncio.create_task(self._write(connection), name="outbox")
        try:
            async with asyncio.timeout(None) as life:
                connection.live(life)
                self.greet(connection)
                await self.relay.add(connection)
                await self.begin(connection)
                await self._read(connection)
        except TimeoutError:
            pass  # the hub has closed it
        finally:
            connection.live(None)
            try:
                if connection.closed is not None:
                    await self._say_farewell(connection.closed, writer)
            finally:
                writer.cancel()
                self.relay.remove(connection)

    async def _write(self, connection: Connection) -> None:
        try:
            await connection.outbox.drain(self.writer(connection))
        except Exception as error:
            logger.debug("cannot write to %s: %r", connection.person, error)
            # As a rule the client is gone, which `receive` tells in a moment. If not, nothing can be told it.
            await asyncio.sleep(FAREWELL_S)
            connection.close(CloseCode.RESTART)

    async def _read(self, connection: Connection) -> None:
        """Takes frames, one at a time, until the client goes."""
        while (message := await self._receive())["type"] == "websocket.receive":
            text = message.get("text")
            if text is None:
                handlers.refuse(connection, BadFrame("invalid", "frames are text"))
            else:
                await self.take(connection, text)

    async def _say_farewell(self, code: CloseCode, writer: asyncio.Task[None]) -> None:
        """A socket that takes nothing any more must not keep the connection for ever."""
        await asyncio.wait({writer}, timeout=FAREWELL_S)
        writer.cancel()
        with suppress(Exception):  # the client may be gone already
            async with asyncio.timeout(FAREWELL_S):
                await self.send({"type": "websocket.close", "code": code.value})


class HubConsumer(LiveConsumer):
    """`/ws/`"""

    def greet(self, connection: Connection) -> None:
        connection.push(frames.welcome(connection.person.get_username(), now_us() // 1000, limits()))

    async def take(self, connection: Connection, text: str) -> None:
        await handlers.take(self.relay, connection, text)


def limits() -> dict[str, float]:
    """What a client may do, as `welcome` says it; 0 is no limit."""
    return {
        "frame_bytes": frames.MAX_FRAME_BYTES,
        "streams": MAX_STREAMS,
        "requests_per_s": rates.RATE_PER_S,
        "requests_at_once": rates.BURST,
        "window_frames": window.MAX_FRAMES,
        "window_bytes": window.MAX_BYTES,
        "message_characters": MAX_TEXT,
        "messages_per_min": settings.CHAT_RATE_LIMIT,
    }
