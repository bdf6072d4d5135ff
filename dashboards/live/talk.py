"""What a client may ask for in rooms; in the form of `dashboards.live.handlers`, which takes these with its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta

from dashboards.live.connection import Connection
from dashboards.live.frames import Request
from dashboards.live.relay import Relay
from devices import access
from devices.channel import fanout
from devices.channel.events import Typing as TypingEvent
from devices.rooms import editing, posting, read_markers
from devices.runtime import database, stats

Result = dict[str, Any]
RoomId = Annotated[int, Meta(ge=1, le=2**53)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]


class Message(Request, tag="message"):
    """`key` is the client's own name for the message: sent again, it is the same one."""

    room: RoomId
    text: str
    key: str | None = None


async def message(relay: Relay, connection: Connection, request: Message) -> Result:
    return {"seq": await posting.post(connection.person, request.room, request.text, request.key)}


class Direct(Request, tag="direct"):
    to: str
    text: str
    key: str | None = None


async def direct(relay: Relay, connection: Connection, request: Direct) -> Result:
    room_id, seq = await posting.direct(connection.person, request.to, request.text, request.key)
    return {"room": room_id, "seq": seq}


class Edit(Request, tag="edit"):
    room: RoomId
    seq: Seq
    text: str


async def edit(relay: Relay, connection: Connection, request: Edit) -> Result:
    return {"seq": await editing.edit(connection.person, request.room, request.seq, request.text)}


class Remove(Request, tag="remove"):
    room: RoomId
    seq: Seq


async def remove(relay: Relay, connection: Connection, request: Remove) -> Result:
    return {"seq": await editing.remove(connection.person, request.room, request.seq)}


class Read(Request, tag="read"):
    """The person has read the room up to `seq`."""

    room: RoomId
    seq: Seq


async def read(relay: Relay, connection: Connection, request: Read) -> Result:
    await read_markers.read(connection.person, request.room, request.seq)
    return {}


class Typing(Request, tag="typing"):
    room: RoomId


async def typing(relay: Relay, connection: Connection, request: Typing) -> Result:
    """Passed on once a second; what comes more often is left out and counted."""
    person, typists = connection.person, relay.rooms.typists
    if typists.is_due(connection.user_id, request.room):  # first, as it does not cost the database a query
        await database.run(access.room_to_talk_in, person, request.room)
        if typists.may_tell(connection.user_id, request.room):
            await fanout.publish([TypingEvent(request.room, connection.user_id, person.get_username())])
            return {}
    stats.typing_ignored.inc()
    return {}


HANDLERS: dict[type[Request], Callable[[Relay, Connection, Any], Awaitable[Result]]] = {
    Message: message,
    Direct: direct,
    Edit: edit,
    Remove: remove,
    Read: read,
    Typing: typing,
}
