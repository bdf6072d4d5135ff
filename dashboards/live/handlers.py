"""The requests of clients: the schema of each, and beneath it the function that answers.

A new type of request is a schema, a function and an entry of `HANDLERS`. A handler returns the result of the reply,
or `None` where there is none; it raises `HubbubError` to refuse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from dashboards.live import frames, requests, room_handlers, streams
from dashboards.live.connection import MAX_BAD_FRAMES, MAX_STREAMS, Connection
from dashboards.live.errors import CloseCode
from dashboards.live.frames import ErrorFrame, ReplyFrame
from dashboards.live.relay import Relay
from dashboards.live.requests import BadFrame, Id, Request
from dashboards.live.rooms import last_seq
from devices.commands import lifecycle
from devices.errors import HubbubError, NotFound, TooMany
from devices.runtime import database, stats
from devices.runtime.request_rates import rates
from devices.values import is_uid

logger = logging.getLogger("hubbub.live")

RETRY_S = 1.0
"""Pause before a log is read again while the database is unavailable."""

Result = dict[str, Any] | None
StreamName = Annotated[str, Meta(max_length=128)]


class Subscribe(Request, tag="subscribe"):
    stream: StreamName
    after_seq: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    """Of a room: what follows this message, in place of the newest ones."""


async def subscribe(relay: Relay, connection: Connection, request: Subscribe) -> dict[str, Any]:
    """Answers with the snapshot. A stream that is subscribed to already may be asked for again.

    The stream is watched first and read second: what is stored after the snapshot was read comes as a push, which is
    held until the reply.
    """
    stream = request.stream
    is_new = stream not in connection.streams
    if is_new and len(connection.streams) >= MAX_STREAMS:
        raise TooMany(f"a connection may have {MAX_STREAMS} streams")
    contents = await database.run(streams.find, connection.person, stream)
    connection.outbox.hold()
    try:
        await relay.watch(connection, stream, contents)
        snapshot = await database.run(streams.snapshot, connection.person, stream, contents, request.after_seq)
    except Exception:
        if is_new:
            relay.unwatch(connection, stream)
        else:
            relay.rooms.abandon(connection, contents)
        raise
    for room_id in contents.rooms:
        relay.rooms.settle(connection, room_id, snapshot)
    return snapshot


async def follow(relay: Relay, connection: Connection, room_id: int, after_seq: int) -> AsyncIterator[dict[str, Any]]:
    """Yields the messages after `after_seq`, in order, until pushes follow on the last one.

    For connections whose clients cannot ask again themselves. Raises `NotFound` once the room may not be read any more.
    While the database is unavailable it waits.
    """
    request = Subscribe(stream=f"room:{room_id}", after_seq=after_seq)
    while True:
        try:
            snapshot = await subscribe(relay, connection, request)
        except database.UNAVAILABLE_ERRORS:
            await asyncio.sleep(RETRY_S)
            continue
        finally:
            connection.outbox.release()
        for message in snapshot["messages"]:
            yield message
        request.after_seq = last_seq(snapshot)
        if request.after_seq >= snapshot["seq"]:
            return


class Unsubscribe(Request, tag="unsubscribe"):
    stream: StreamName


async def unsubscribe(relay: Relay, connection: Connection, request: Unsubscribe) -> Result:
    """Also accepts a stream that is not subscribed to: the hub may just have ended it."""
    relay.unwatch(connection, request.stream)
    return {}


class IssueCommand(Request, tag="command"):
    device: str
    name: str
    args: dict[str, Any] = {}
    timeout_s: float = lifecycle.DEFAULT_TIMEOUT_S


async def issue_command(relay: Relay, connection: Connection, request: IssueCommand) -> Result:
    if not is_uid(request.device):
        raise NotFound(f"there is no device {request.device[:64]!r}")
    issued = await lifecycle.issue(connection.person, request.device, request.name, request.args, request.timeout_s)
    return {"command": issued.id, "status": issued.status}


class Ack(Request, tag="ack"):
    """The client has processed all telemetry frames up to `n`."""

    counted: ClassVar[bool] = False

    n: Annotated[int, Meta(ge=0, le=2**53)]


async def ack(relay: Relay, connection: Connection, request: Ack) -> Result:
    connection.acknowledge(request.n)
    return None


class Pong(Request, tag="pong"):
    counted: ClassVar[bool] = False


async def pong(relay: Relay, connection: Connection, request: Pong) -> Result:
    connection.note_sign_of_life()
    return None


HANDLERS: dict[type[Request], Callable[[Relay, Connection, Any], Awaitable[Result]]] = {
    Subscribe: subscribe,
    Unsubscribe: unsubscribe,
    IssueCommand: issue_command,
    **room_handlers.HANDLERS,
    Ack: ack,
    Pong: pong,
}

decode = requests.decoder(HANDLERS)


async def receive(relay: Relay, connection: Connection, text: str, decode: Callable[[str], Request] = decode) -> None:
    """Handles one frame of the client. Whatever is in it, the connection goes on or is closed with a reason."""
    if requests.is_too_large(text):
        connection.close(CloseCode.TOO_LARGE, frames.error("too_large", "a frame has up to 64 KiB"))
        return
    try:
        request = decode(text)
    except BadFrame as error:
        refuse(connection, error)
        return
    if _is_admitted(connection, request.id) if request.counted else _is_expected(connection):
        await _answer(relay, connection, request)


def refuse(connection: Connection, error: BadFrame) -> None:
    """Answers a bad frame; the tenth closes the connection."""
    connection.bad_frames += 1
    reply = _refusal(error.id, error.code, error.message)
    if connection.bad_frames < MAX_BAD_FRAMES:
        connection.outbox.reply(reply)
    else:
        connection.close(CloseCode.BAD_FRAMES, reply)


def _is_admitted(connection: Connection, id: Id | None) -> bool:
    try:
        rates.admit(connection.user_id, "live")
    except TooMany as error:
        reply = _refusal(id, error.code, error.message)
        if connection.answers.count():
            connection.outbox.reply(reply)
        else:  # it goes on asking
            connection.close(CloseCode.TOO_MANY, reply)
        return False
    return True


def _is_expected(connection: Connection) -> bool:
    """Whether the client has not sent many more acks and pongs than it was sent frames to answer."""
    if connection.answers.count():
        return True
    connection.close(CloseCode.TOO_MANY, frames.error("too_many", "more acks and pongs than frames to answer"))
    return False


async def _answer(relay: Relay, connection: Connection, request: Request) -> None:
    # One coroutine, as every ack passes here.
    connection.busy = True
    reply: ReplyFrame | None
    try:
        result = await HANDLERS[type(request)](relay, connection, request)
    except Exception as error:
        reply = _refusal_of(request, error)
    else:
        reply = None if result is None or request.id is None else frames.reply(request.id, result)
    finally:
        connection.busy = False
    if reply is not None:
        connection.outbox.reply(reply)
    connection.outbox.release()
    await connection.outbox.wait_for_room()


def _refusal_of(request: Request, error: Exception) -> ErrorFrame:
    """Returns the reply to a request that failed with `error`, which is logged unless the client is to blame."""
    kind = type(request).__name__
    if isinstance(error, HubbubError):
        return _refusal(request.id, error.code, error.message)
    if isinstance(error, database.UNAVAILABLE_ERRORS):
        logger.warning("a %s request failed as the database is unavailable: %s", kind, error)
        return _refusal(request.id, "unavailable", "the database is unavailable: try again later")
    logger.error("a %s request failed", kind, exc_info=error)
    return _refusal(request.id, "internal", "this should not have happened; it is in the hub's log")


def _refusal(id: Id | None, code: str, message: str) -> ErrorFrame:
    stats.errors.labels("live", code).inc()
    return frames.refusal(id, code, message)
