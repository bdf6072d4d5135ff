"""Private messages: whom a person may write to, their inbox, and whom they have blocked."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.room_schemas import DirectPosted, Inbox, NewMessage, PersonList
from devices.access import Person
from devices.rooms import blocks, inbox, posting
from devices.runtime import database

router = Router(tags=["people"])
inbox_router = Router(tags=["people"], by_alias=True, exclude_unset=True)


@inbox_router.get("", response={200: Inbox, (401, 503): Problem})
async def show_inbox(request: HttpRequest) -> dict[str, Any]:
    """What you have not read, and your conversations."""
    return await database.run(inbox.inbox, asking(request))


@router.get("", response={200: PersonList, (401, 503): Problem})
async def list_people(request: HttpRequest) -> dict[str, Any]:
    """Whom you may write to: who shares a space with you."""
    return await database.run(_list, asking(request))


@router.post("/{username}/messages", response={201: DirectPosted, (400, 401, 403, 404, 422, 429, 503): Problem})
async def post_direct_message(request: HttpRequest, username: str, given: NewMessage) -> Status[dict[str, int]]:
    """Says something to one person alone. The two have one conversation, whoever began it."""
    room, seq = await posting.direct(asking(request), username, given.text, given.key)
    return Status(201, {"room": room, "seq": seq})


@router.put("/{username}/block", response={204: None, (401, 403, 404, 503): Problem})
async def block_person(request: HttpRequest, username: str) -> Status[None]:
    """The two of you cannot write to each other any more."""
    await database.run(blocks.block, asking(request), username)
    return Status(204, None)


@router.delete("/{username}/block", response={204: None, (401, 403, 503): Problem})
async def unblock_person(request: HttpRequest, username: str) -> Status[None]:
    """Takes your block back. Nothing happens where there is none."""
    await database.run(blocks.unblock, asking(request), username)
    return Status(204, None)


def _list(person: Person) -> dict[str, Any]:
    return {"items": inbox.people(person)}
