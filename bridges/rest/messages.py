"""The messages of rooms: the log, posting, edits and removals, search."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.rest.rooms import MAX_SEQ
from devices import access
from devices.access import Person
from devices.errors import Forbidden, Invalid, NotFound
from devices.log import messages
from devices.log.models import MAX_KEY
from devices.log.text import MAX_TEXT
from devices.models import Room
from devices.rooms import editing, posting
from devices.runtime import database
from devices.values import is_storable

router = Router(tags=["messages"], exclude_unset=True)
search_router = Router(tags=["messages"], exclude_unset=True)

MAX_QUERY = 200
"""Characters of a search."""
MAX_WORDS = 10

_Cursor = Annotated[int | None, Query(ge=0, le=MAX_SEQ)]
_Before = Annotated[int | None, Query(ge=0, le=MAX_SEQ, description="`next` of the previous page")]
_Limit = Annotated[int, Query(ge=1, le=messages.MAX_PAGE)]
_Words = Annotated[str, Query(max_length=MAX_QUERY, description="words that must all be in the text, in any order")]


class FileFacts(BaseModel):
    """With `width` and `height` it is an image that browsers may show."""

    id: int
    name: str
    type: str = Field(description="media type; of an image as recognised, otherwise guessed from the name")
    size: int = Field(description="bytes")
    width: int = 0
    height: int = 0


class MessageFacts(BaseModel):
    """Fields with a default are left out if they do not apply."""

    seq: int = Field(description="position in the room's log, from 1, without gaps")
    at: int
    kind: str = Field(description="chat, command, answer, note, chart, availability, joined, edit or removal")
    origin: str = Field(description="person, bot, device or hub")
    author: str
    text: str
    data: dict[str, Any] = Field({}, description="depends on the kind")
    key: str = Field("", description="the sender's own name for it")
    of: int = Field(0, description="seq of the message that is answered, edited or removed")
    edited_at: int = 0
    removed_at: int = 0
    files: list[FileFacts] = []


class MessageList(BaseModel):
    seq: int = Field(description="of the room's newest message: while the last item is below it, there are more")
    items: list[MessageFacts] = Field(description="oldest first")


class NewMessage(RequestBody):
    text: str = stated(minLength=1, maxLength=MAX_TEXT, description="one that begins with / is a chat command")
    key: str | None = stated(
        None, maxLength=MAX_KEY, description="your own name for it: sent again it is the same message"
    )


class NewText(RequestBody):
    text: str = stated(minLength=1, maxLength=MAX_TEXT)


class MessagePosted(BaseModel):
    seq: int


class RevisionFacts(BaseModel):
    text: str
    until: int = Field(description="when it was edited or removed")
    by: str = Field(description="username of the person who did so")


class RevisionList(BaseModel):
    items: list[RevisionFacts] = Field(description="oldest first, without the current text")


class FoundMessage(MessageFacts):
    id: int
    room: int


class FoundList(BaseModel):
    items: list[FoundMessage] = Field(description="newest first")
    next: int | None = Field(description="`before` of the next page; null after the last one")


@router.get("/{int:id}/messages", response={200: MessageList, (401, 404, 422, 503): Problem})
async def list_messages(
    request: HttpRequest,
    id: int,
    after_seq: _Cursor = None,
    before_seq: _Cursor = None,
    around_seq: _Cursor = None,
    limit: _Limit = messages.NEWEST,
) -> dict[str, Any]:
    """A part of the room's log, oldest first: the entries after `after_seq`, before `before_seq` or around
    `around_seq`, or, with none of them, the newest.

    To read on, ask again with the `seq` of the last item as `after_seq`, or of the first as `before_seq`. The log has
    no gaps; edits and removals are entries of their own, and `of` names the message they change.
    """
    cursors = {"after_seq": after_seq, "before_seq": before_seq, "around_seq": around_seq}
    given = {name: seq for name, seq in cursors.items() if seq is not None}
    if len(given) > 1:
        raise Invalid(f"{' and '.join(given)} cannot be combined")
    return await database.run(_list, person_of(request), id, given, limit)


@router.post("/{int:id}/messages", response={201: MessagePosted, (400, 401, 403, 404, 422, 429, 503): Problem})
async def post_message(request: HttpRequest, id: int, given: NewMessage) -> Status[dict[str, int]]:
    """Posts a message or a chat command in the room. A repeat with the same `key` is the same message."""
    return Status(201, {"seq": await posting.post(person_of(request), id, given.text, given.key)})


@router.patch(
    "/{int:id}/messages/{int:seq}", response={200: MessagePosted, (400, 401, 403, 404, 422, 429, 503): Problem}
)
async def edit_message(request: HttpRequest, id: int, seq: int, given: NewText) -> dict[str, int]:
    """Replaces the text of your own chat message. Returns the seq of the edit."""
    return {"seq": await editing.edit(person_of(request), id, seq, given.text)}


@router.delete("/{int:id}/messages/{int:seq}", response={200: MessagePosted, (401, 403, 404, 429, 503): Problem})
async def remove_message(request: HttpRequest, id: int, seq: int) -> dict[str, int]:
    """Removes text and files of your own chat message; managers may remove any. Returns the seq of the removal."""
    return {"seq": await editing.remove(person_of(request), id, seq)}


@router.get("/{int:id}/messages/{int:seq}/revisions", response={200: RevisionList, (401, 403, 404, 503): Problem})
async def list_revisions(request: HttpRequest, id: int, seq: int) -> dict[str, Any]:
    """The earlier texts of a message. Those of a removed message are only for its author and for managers."""
    return await database.run(_revisions, person_of(request), id, seq)


@router.get("/{int:id}/search", response={200: FoundList, (401, 404, 422, 429, 503): Problem})
async def search_room(
    request: HttpRequest, id: int, q: _Words, before: _Before = None, limit: _Limit = messages.NEWEST
) -> dict[str, Any]:
    """Chat messages of the room that contain all the words, newest first."""
    return await database.run(_search, person_of(request), id, q, before, limit)


@search_router.get("", response={200: FoundList, (401, 422, 429, 503): Problem})
async def search_rooms(
    request: HttpRequest, q: _Words, before: _Before = None, limit: _Limit = messages.NEWEST
) -> dict[str, Any]:
    """Chat messages that contain all the words, in all rooms and conversations that you may read, newest first."""
    return await database.run(_search, person_of(request), None, q, before, limit)


def _list(person: Person, id: int, cursor: dict[str, int], limit: int) -> dict[str, Any]:
    room = access.room(person, id)
    return {"seq": room.seq, "items": _part(room, cursor, limit)}


def _part(room: Room, cursor: dict[str, int], limit: int) -> list[dict[str, Any]]:
    match cursor:
        case {"after_seq": seq}:
            return messages.after(room, seq, limit)
        case {"before_seq": seq}:
            return messages.before(room, seq, limit)
        case {"around_seq": seq}:
            return messages.around(room, seq, limit)
        case _:
            return messages.before(room, MAX_SEQ, limit)


def _revisions(person: Person, id: int, seq: int) -> dict[str, Any]:
    room = access.room(person, id)
    message = room.messages.filter(seq=seq).first()
    if message is None:
        raise NotFound(f"there is no message {seq}")
    if message.removed_at is not None and not access.may_remove(person, message):
        raise Forbidden("only its author and managers may read a removed message")
    return {"items": messages.revisions(room, seq)}


def _search(person: Person, id: int | None, words: str, before: int | None, limit: int) -> dict[str, Any]:
    among = access.rooms(person) if id is None else access.rooms(person).filter(pk=access.room(person, id).pk)
    if not is_storable(words) or not 1 <= len(words.split()) <= MAX_WORDS:
        raise Invalid(f"q is 1 to {MAX_WORDS} words")
    found = messages.search(among, words, limit + 1, before)
    items = found[:limit]
    return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}
