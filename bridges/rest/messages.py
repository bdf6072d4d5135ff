"""What is said in rooms."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.room_schemas import (
    MAX_SEQ,
    FoundList,
    MessageList,
    NewMessage,
    NewText,
    Posted,
    RevisionList,
)
from devices import access
from devices.access import Person
from devices.errors import Forbidden, Invalid, NotFound
from devices.log import messages
from devices.models import Room
from devices.rooms import editing, posting
from devices.runtime import database

router = Router(tags=["messages"], exclude_unset=True)
search_router = Router(tags=["messages"], exclude_unset=True)

MAX_QUERY = 200
"""Characters of what is searched for."""
MAX_WORDS = 10

_Cursor = Annotated[int | None, Query(ge=0, le=MAX_SEQ)]
_Before = Annotated[int | None, Query(ge=0, le=MAX_SEQ, description="`next` of the page before")]
_Limit = Annotated[int, Query(ge=1, le=messages.MAX_PAGE)]
_Words = Annotated[str, Query(max_length=MAX_QUERY, description="words that all stand in the text, in any order")]


@router.get("/{int:id}/messages", response={200: MessageList, (401, 404, 422, 503): Problem})
async def list_messages(
    request: HttpRequest,
    id: int,
    after_seq: _Cursor = None,
    before_seq: _Cursor = None,
    around_seq: _Cursor = None,
    limit: _Limit = messages.NEWEST,
) -> dict[str, Any]:
    """A part of the room's log, oldest first: what follows `after_seq`, comes before `before_seq`, lies around
    `around_seq`, or, with none of them, the newest.

    To read on, ask again with the `seq` of the last item as `after_seq`, or of the first as `before_seq`. The log has
    no holes; edits and removals are entries of their own and name what they change in `of`.
    """
    cursors = {"after_seq": after_seq, "before_seq": before_seq, "around_seq": around_seq}
    given = {name: seq for name, seq in cursors.items() if seq is not None}
    if len(given) > 1:
        raise Invalid(f"{' and '.join(given)} exclude each other")
    return await database.run(_list, asking(request), id, given, limit)


@router.post("/{int:id}/messages", response={201: Posted, (400, 401, 403, 404, 422, 429, 503): Problem})
async def post_message(request: HttpRequest, id: int, given: NewMessage) -> Status[dict[str, int]]:
    """Says something in the room, or gives a chat command. With the same `key` again it is the same message."""
    return Status(201, {"seq": await posting.post(asking(request), id, given.text, given.key)})


@router.patch("/{int:id}/messages/{int:seq}", response={200: Posted, (400, 401, 403, 404, 422, 429, 503): Problem})
async def edit_message(request: HttpRequest, id: int, seq: int, given: NewText) -> dict[str, int]:
    """Replaces the text of your own chat message; the answer has the seq of the edit."""
    return {"seq": await editing.edit(asking(request), id, seq, given.text)}


@router.delete("/{int:id}/messages/{int:seq}", response={200: Posted, (401, 403, 404, 429, 503): Problem})
async def remove_message(request: HttpRequest, id: int, seq: int) -> dict[str, int]:
    """Removes text and files of your own chat message, or as a manager of anybody's; the seq of the removal."""
    return {"seq": await editing.remove(asking(request), id, seq)}


@router.get("/{int:id}/messages/{int:seq}/revisions", response={200: RevisionList, (401, 403, 404, 503): Problem})
async def list_revisions(request: HttpRequest, id: int, seq: int) -> dict[str, Any]:
    """What a message said before it was edited. Of a removed one: for its author and for managers alone."""
    return await database.run(_revisions, asking(request), id, seq)


@router.get("/{int:id}/search", response={200: FoundList, (401, 404, 422, 429, 503): Problem})
async def search_room(
    request: HttpRequest, id: int, q: _Words, before: _Before = None, limit: _Limit = messages.NEWEST
) -> dict[str, Any]:
    """Chat messages of the room that hold all the words, newest first."""
    return await database.run(_search, asking(request), id, q, before, limit)


@search_router.get("", response={200: FoundList, (401, 422, 429, 503): Problem})
async def search_rooms(
    request: HttpRequest, q: _Words, before: _Before = None, limit: _Limit = messages.NEWEST
) -> dict[str, Any]:
    """Chat messages that hold all the words, in all rooms and conversations that you may read, newest first."""
    return await database.run(_search, asking(request), None, q, before, limit)


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
        raise Forbidden("what was removed is for its author and for managers")
    return {"items": messages.revisions(room, seq)}


def _search(person: Person, id: int | None, words: str, before: int | None, limit: int) -> dict[str, Any]:
    among = access.rooms(person) if id is None else access.rooms(person).filter(pk=access.room(person, id).pk)
    if "\0" in words or not 1 <= len(words.split()) <= MAX_WORDS:
        raise Invalid(f"q is 1 to {MAX_WORDS} words")
    found = messages.search(among, words, limit + 1, before)
    items = found[:limit]
    return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}
