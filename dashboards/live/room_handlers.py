"""The requests of clients about rooms, in the form of `dashboards.live.handlers`, which adds these to its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta

from dashboards.live.connection import Connection
from dashboards.live.relay import Relay
from dashboards.live.requests import Request
from devices import access
from devices.channel import fanout
from devices.channel.events import Typing
from devices.rooms import editing, posting, read_markers
from devices.runtime import database, stats

Result = dict[str, Any]
RoomId = Annotated[int, Meta(ge=1, le=2**53)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]


class PostMessage(Request, tag="message"):
    """`key` is the client's own name for the message: sent again, it is the same one."""

    room: RoomId
    text: str
    key: str | None = None


async def post_message(relay: Relay, connection: Connection, request: PostMessage) -> Result:
    return {"seq": await posting.post(connection.person, request.room, request.text, request.key)}


class PostDirect(Request, tag="direct"):
    to: str
    text: str
    key: str | None = None


async def post_direct(relay: Relay, connection: Connection, request: PostDirect) -> Result:
    room_id, seq = await posting.direct(connection.person, request.to, request.text, request.key)
    return {"room": room_id, "seq": seq}


class EditMessage(Request, tag="edit"):
    room: RoomId
    seq: Seq
    text: str


async def edit_message(relay: Relay, connection: Connection, request: EditMessage) -> Result:
    return {"seq": await editing.edit(connection.person, request.room, request.seq, request.text)}


class RemoveMessage(Request, tag="remove"):
    room: RoomId
    seq: Seq


async def remove_message(relay: Relay, connection: Connection, request: RemoveMessage) -> Result:
    return {"seq": await editing.remove(connection.person, request.room, request.seq)}


class MarkRead(Request, tag="read"):
    """The person has read the room up to `seq`."""

    room: RoomId
    seq: Seq


async def mark_read(relay: Relay, connection: Connection, request: MarkRead) -> Result:
    await read_markers.read(connection.person, request.room, request.seq)
    return {}


class ReportTyping(Request, tag="typing"):
    room: RoomId


async def report_typing(relay: Relay, connection: Connection, request: ReportTyping) -> Result:
    """Passed on once a second; what comes more often is left out and counted."""
    person, limit = connection.person, relay.rooms.typing_limit
    if limit.is_due(connection.user_id, request.room):  # first, as it does not cost the database a query
        await database.run(access.room_to_talk_in, person, request.room)
        if limit.acquire(connection.user_id, request.room):
            await fanout.publish([Typing(request.room, connection.user_id, person.get_username())])
            return {}
    stats.typing_ignored.inc()
    return {}


HANDLERS: dict[type[Request], Callable[[Relay, Connection, Any], Awaitable[Result]]] = {
    PostMessage: post_message,
    PostDirect: post_direct,
    EditMessage: edit_message,
    RemoveMessage: remove_message,
    MarkRead: mark_read,
    ReportTyping: report_typing,
}
