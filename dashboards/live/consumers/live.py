"""The life of a live connection, the same for everything that carries one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.db import Error as DatabaseError

from dashboards.live import entrance, frames, handlers
from dashboards.live.connection import Connection
from dashboards.live.errors import CloseCode, EntryRefused
from dashboards.live.frames import Frame
from dashboards.live.handlers import Subscribe
from dashboards.live.penalties import PENALIZED
from dashboards.live.relays import Relays
from devices.access import Person
from devices.errors import HubbubError
from devices.runtime import stats
from devices.runtime.request_rates import rates

logger = logging.getLogger("hubbub.live")

Message = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

FAREWELL_S = 2.0
"""How long the last frame, and then the end of the connection, may take to be written."""


class LiveConsumer(AsyncConsumer):
    """Admission, subscriptions of the address, reading, writing, and the end. Subclasses adapt it to what carries it.

    It replaces the loop of Channels' consumers, which opens a channel and two tasks for each connection and hops to a
    thread for each message. The relay makes the first needless, `devices.runtime.database` the second.
    """

    origin_required = True
    """See `entrance.admit`."""

    def __init__(self, relays: Relays) -> None:
        self._relays = relays
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope, self._receive, self.base_send = scope, receive, send
        self.relay = self._relays.current()
        try:
            address, _ = scope.get("client") or ("", 0)
            self.connection = await entrance.admit(
                self.relay, scope["headers"], address, origin_required=self.origin_required, accept=self.accept
            )
            self._note_sign_in(self.connection.person)
            await self._serve(self.connection)
        except EntryRefused as refused:
            stats.errors.labels("live", refused.code).inc()
            await self.refuse(refused)

    def penalize(self, code: int | None) -> None:
        """Keeps the person out for a while, if the connection was closed with `code` because of what it sent."""
        if code in PENALIZED:
            self.relay.penalties.impose(self.connection.user_id)
            self.relay.penalties.impose(self.connection.login)

    def _note_sign_in(self, person: Person) -> None:
        """The server counts connections of strangers and of each account; its own entry in the scope is called."""
        visit = self.scope.get("state", {}).get("visit")
        if visit is not None:
            visit.sign_in(person)

    async def accept(self) -> None:
        """Called before the client is identified."""

    async def refuse(self, refused: EntryRefused) -> None:
        """Sends the client the reason why it is not admitted. Called before `start`."""
        raise NotImplementedError

    async def wanted(self) -> Sequence[Subscribe]:
        """Returns the subscriptions that the address asks for. Raises `HubbubError`."""
        return ()

    def subscribed(self, stream: str, snapshot: dict[str, Any]) -> None:
        """Called with the snapshot of each of these subscriptions."""

    async def start(self) -> None:
        """Sends what comes before all frames of the outbox."""

    def write(self, frame: Frame) -> Awaitable[None]:
        """Writes a frame of the outbox."""
        raise NotImplementedError

    async def finish(self, code: CloseCode) -> None:
        """Ends the connection, after its last frame."""
        raise NotImplementedError

    async def dispatch(self, message: Message) -> None:
        """Calls the method that is named after the type of a message of the client, as Channels does."""
        await getattr(self, get_handler_name(message))(message)

    async def _serve(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(None) as life:
                connection.begin(life)
                await self._open(connection)
                with suppress(StopConsumer):
                    while True:
                        await self.dispatch(await self._receive())
        except TimeoutError:  # the hub has closed it
            if self._writer is None:
                raise _refusal_of(connection) from None
        finally:
            connection.end()
            self.penalize(connection.closed)
            try:
                await self._end(connection)
            finally:
                self.relay.remove(connection)

    async def _open(self, connection: Connection) -> None:
        connection.busy = True  # nothing is written yet, so the client's silence means nothing
        await self.relay.add(connection)
        await self._subscribe(connection)
        await self.start()
        connection.busy = False
        connection.note_sign_of_life()
        self._writer = asyncio.create_task(self._write(connection), name="outbox")

    async def _subscribe(self, connection: Connection) -> None:
        """Subscribes to everything that the address names. Raises `EntryRefused` where that is a single stream."""
        try:
            wanted = await self.wanted()
            for request in wanted:
                await self._subscribe_to(connection, request, is_only=len(wanted) == 1)
        except HubbubError as error:
            raise EntryRefused(error.code, error.message) from None
        except DatabaseError:
            raise EntryRefused("unavailable", "the database is unavailable: try again later") from None

    async def _subscribe_to(self, connection: Connection, request: Subscribe, *, is_only: bool) -> None:
        try:
            rates.admit(connection.user_id, "live")
            snapshot = await handlers.subscribe(self.relay, connection, request)
        except HubbubError as error:
            if is_only:
                raise
            connection.push(frames.unsubscribed(request.stream, error.code))
        else:
            self.subscribed(request.stream, snapshot)
        finally:
            connection.outbox.release()

    async def _write(self, connection: Connection) -> None:
        try:
            await connection.outbox.drain(self.write)
        except Exception as error:
            logger.debug("cannot write to %s: %r", connection.person, error)
            # As a rule the client is gone, which `receive` reports in a moment. If not, it cannot be reached any more.
            await asyncio.sleep(FAREWELL_S)
            connection.close(CloseCode.RESTART)

    async def _end(self, connection: Connection) -> None:
        """A client that reads nothing any more must not keep the connection for ever."""
        if self._writer is None:
            return
        if connection.closed is None:  # the client is gone
            self._writer.cancel()
            return
        try:
            await asyncio.wait({self._writer}, timeout=FAREWELL_S)
        finally:
            self._writer.cancel()
        with suppress(Exception):  # the client may be gone already
            async with asyncio.timeout(FAREWELL_S):
                await self.finish(connection.closed)


def _refusal_of(connection: Connection) -> EntryRefused:
    """Of a connection that was closed before it was open."""
    if connection.closed is CloseCode.UNAUTHENTICATED:
        return EntryRefused("unauthenticated", "the login has ended: sign in again")
    return EntryRefused("unavailable", "the connection was closed: try again later")
