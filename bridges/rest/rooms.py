"""Rooms, and what the person has read of them."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.room_schemas import ChatCommandList, MemberList, ReadUpTo, RoomFacts, RoomList, RoomName
from devices import access
from devices.access import Action, Person
from devices.errors import NotFound
from devices.rooms import inbox, read_markers, rooms
from devices.rooms.chat import registry
from devices.runtime import database

router = Router(tags=["rooms"], by_alias=True, exclude_unset=True)
spaces_router = Router(tags=["rooms"], by_alias=True, exclude_unset=True)


@router.get("", response={200: RoomList, (401, 422, 503): Problem})
async def list_rooms(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The rooms that you may read, those of devices and conversations among them; conversations in which nobody has
    spoken left out."""
    return await database.run(_list, asking(request), limit, offset)


@router.get("/{int:id}", response={200: RoomFacts, (401, 404, 503): Problem})
async def show_room(request: HttpRequest, id: int) -> dict[str, Any]:
    """One room, and how much of it you have not read."""
    return await database.run(_show, asking(request), id)


@router.patch("/{int:id}", response={200: RoomFacts, (400, 401, 403, 404, 422, 503): Problem})
async def rename_room(request: HttpRequest, id: int, given: RoomName) -> dict[str, Any]:
    """Renames a room of a space. Needs the role manager. A device's room has the device's name."""
    return await database.run(_rename, asking(request), id, given.name)


@spaces_router.post("/{slug}/rooms", response={201: RoomFacts, (400, 401, 403, 404, 422, 503): Problem})
async def create_room(request: HttpRequest, slug: str, given: RoomName) -> Status[dict[str, Any]]:
    """A further room of the space. Needs the role manager."""
    return Status(201, await database.run(_create, asking(request), slug, given.name))


@router.get("/{int:id}/members", response={200: MemberList, (401, 404, 503): Problem})
async def list_members(request: HttpRequest, id: int) -> dict[str, Any]:
    """Who may read the room: whom `@` may name."""
    return await database.run(_members, asking(request), id)


@router.get("/{int:id}/chat-commands", response={200: ChatCommandList, (401, 404, 503): Problem})
async def list_chat_commands(request: HttpRequest, id: int) -> dict[str, Any]:
    """What may be typed after `/` in the room."""
    return await database.run(_chat_commands, asking(request), id)


@router.put("/{int:id}/read", response={204: None, (400, 401, 403, 404, 422, 503): Problem})
async def mark_read(request: HttpRequest, id: int, given: ReadUpTo) -> Status[None]:
    """You have read the room up to `seq`. A mark never goes back."""
    await read_markers.read(asking(request), id, given.seq)
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
