"""Private messages: a person's contacts, inbox and blocks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.messages import MessageFacts, NewMessage
from bridges.rest.rooms import MemberFacts, RoomFacts
from devices.access import Person
from devices.rooms import blocks, inbox, posting
from devices.runtime import database

router = Router(tags=["people"])
inbox_router = Router(tags=["people"], by_alias=True, exclude_unset=True)


class PersonFacts(MemberFacts):
    blocked: bool = Field(description="you have blocked their private messages")


class PersonList(BaseModel):
    items: list[PersonFacts]


class DirectPosted(BaseModel):
    room: int = Field(description="the conversation of the two")
    seq: int


class ConversationFacts(RoomFacts):
    last: MessageFacts | None


class Inbox(BaseModel):
    direct: int = Field(description="unread private messages")
    mentions: int = Field(description="unread messages, in any room, that mention you")
    unread: int = Field(description="unread messages in rooms of spaces")
    conversations: list[ConversationFacts] = Field(description="at most 200, the most recently active first")
    rooms: list[RoomFacts] = Field(description="rooms with unread messages; at most 200")


@inbox_router.get("", response={200: Inbox, (401, 503): Problem})
async def show_inbox(request: HttpRequest) -> dict[str, Any]:
    """Your unread messages and your conversations."""
    return await database.run(inbox.inbox, person_of(request))


@router.get("", response={200: PersonList, (401, 503): Problem})
async def list_people(request: HttpRequest) -> dict[str, Any]:
    """The people you may write to: those who share a space with you."""
    return await database.run(_list, person_of(request))


@router.post("/{username}/messages", response={201: DirectPosted, (400, 401, 403, 404, 422, 429, 503): Problem})
async def post_direct_message(request: HttpRequest, username: str, given: NewMessage) -> Status[dict[str, int]]:
    """Posts a private message to one person. Two people have one conversation, whoever began it."""
    room, seq = await posting.direct(person_of(request), username, given.text, given.key)
    return Status(201, {"room": room, "seq": seq})


@router.put("/{username}/block", response={204: None, (401, 403, 404, 503): Problem})
async def block_person(request: HttpRequest, username: str) -> Status[None]:
    """Blocks a person: the two of you can no longer write to each other."""
    await database.run(blocks.block, person_of(request), username)
    return Status(204, None)


@router.delete("/{username}/block", response={204: None, (401, 403, 503): Problem})
async def unblock_person(request: HttpRequest, username: str) -> Status[None]:
    """Removes your block, if there is one."""
    await database.run(blocks.unblock, person_of(request), username)
    return Status(204, None)


def _list(person: Person) -> dict[str, Any]:
    return {"items": inbox.people(person)}
