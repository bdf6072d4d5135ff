"""Rooms, their members, and how far a person has read them."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from devices import access
from devices.access import Action, Person
from devices.errors import NotFound
from devices.rooms import inbox, read_markers, rooms
from devices.rooms.chat import registry
from devices.runtime import database

router = Router(tags=["rooms"], by_alias=True, exclude_unset=True)
spaces_router = Router(tags=["rooms"], by_alias=True, exclude_unset=True)

MAX_SEQ = 2**63 - 1


class RoomFacts(BaseModel):
    id: int
    name: str = Field(description="the device's, the room's own, or the username of the other person in a conversation")
    device: str | None = Field(description="uid of the device that the room belongs to")
    space: str | None = Field(description="slug; null for a conversation of two people")
    seq: int = Field(description="of the newest message")
    read: int = Field(description="seq up to which you have read")
    unread: int = Field(description="chat messages after that")
    mentions: int = Field(description="those of them that mention you")
    active_at: int | None = Field(description="time of the newest chat message")
    with_: str = Field("", alias="with", description="username of the other person; only in a conversation")


class RoomList(BaseModel):
    items: list[RoomFacts] = Field(description="the most recently active first")
    count: int = Field(description="number of all rooms, whatever the limit")


class RoomName(RequestBody):
    name: str = stated(minLength=1, maxLength=rooms.MAX_NAME, description="printable characters")


class ReadUpTo(RequestBody):
    seq: Annotated[int, Field(ge=0, le=MAX_SEQ)]


class MemberFacts(BaseModel):
    username: str
    bot: bool = Field(description="a program with an account of its own")


class MemberList(BaseModel):
    items: list[MemberFacts]


class ChatCommandFacts(BaseModel):
    name: str
    usage: str = Field(description="such as `/get METRIC`")
    help: str


class ChatCommandList(BaseModel):
    items: list[ChatCommandFacts]


@router.get("", response={200: RoomList, (401, 422, 503): Problem})
async def list_rooms(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The rooms that you may read, including those of devices and your conversations. Conversations without a message
    are left out."""
    return await database.run(_list, person_of(request), limit, offset)


@router.get("/{int:id}", response={200: RoomFacts, (401, 404, 503): Problem})
async def show_room(request: HttpRequest, id: int) -> dict[str, Any]:
    """One room, and how many of its messages you have not read."""
    return await database.run(_show, person_of(request), id)


@router.patch("/{int:id}", response={200: RoomFacts, (400, 401, 403, 404, 422, 503): Problem})
async def rename_room(request: HttpRequest, id: int, given: RoomName) -> dict[str, Any]:
    """Renames a room of a space. Needs the role manager. A device's room has the device's name."""
    return await database.run(_rename, person_of(request), id, given.name)


@spaces_router.post("/{slug}/rooms", response={201: RoomFacts, (400, 401, 403, 404, 422, 503): Problem})
async def create_room(request: HttpRequest, slug: str, given: RoomName) -> Status[dict[str, Any]]:
    """Creates a room in the space. Needs the role manager."""
    return Status(201, await database.run(_create, person_of(request), slug, given.name))


@router.get("/{int:id}/members", response={200: MemberList, (401, 404, 503): Problem})
async def list_members(request: HttpRequest, id: int) -> dict[str, Any]:
    """The people who may read the room, and so be mentioned with `@`."""
    return await database.run(_members, person_of(request), id)


@router.get("/{int:id}/chat-commands", response={200: ChatCommandList, (401, 404, 503): Problem})
async def list_chat_commands(request: HttpRequest, id: int) -> dict[str, Any]:
    """The chat commands that the room offers."""
    return await database.run(_chat_commands, person_of(request), id)


@router.put("/{int:id}/read", response={204: None, (400, 401, 403, 404, 422, 503): Problem})
async def mark_read(request: HttpRequest, id: int, given: ReadUpTo) -> Status[None]:
    """Marks the room as read up to `seq`. The mark never moves back."""
    await read_markers.read(person_of(request), id, given.seq)
    return Status(204, None)


def _list(person: Person, limit: int, offset: int) -> dict[str, Any]:
    page = inbox.begun(inbox.listed(person))[offset : offset + limit]
    return {
        "items": [inbox.describe(person, room) for room in page],
        "count": inbox.begun(access.rooms(person)).count(),
    }


def _show(person: Person, id: int) -> dict[str, Any]:
    found = inbox.listed(person).filter(pk=id).first()
    if found is None:
        raise NotFound(f"there is no room {id}")
    return inbox.describe(person, found)


def _rename(person: Person, id: int, name: str) -> dict[str, Any]:
    rooms.rename(access.room(person, id, Action.MANAGE), name)
    return _show(person, id)


def _create(person: Person, slug: str, name: str) -> dict[str, Any]:
    return _show(person, rooms.create(access.space(person, slug, Action.MANAGE), name).pk)


def _members(person: Person, id: int) -> dict[str, Any]:
    return {"items": inbox.members_of(access.room(person, id))}


def _chat_commands(person: Person, id: int) -> dict[str, Any]:
    known = registry.known(access.room(person, id))
    return {"items": [{"name": one.name, "usage": one.usage, "help": one.help} for one in known]}
