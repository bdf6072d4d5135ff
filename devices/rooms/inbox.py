"""Lists of rooms with what is unread in them. The caller asks for rights (`devices.access`)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from devices import access
from devices.access import Person
from devices.log import messages
from devices.log.models import Block, Mention, Message, Room
from devices.rooms.models import ReadMark

MAX_LISTED = 200
"""Rooms, and conversations, in an inbox: the most recently active ones."""


def listed(person: Person) -> QuerySet[Any]:
    """The rooms that the person may read, most recently active first, with `read_seq`, `unread` and `mention_count`."""
    marks = ReadMark.objects.filter(user=person.pk)
    mark, mark_of_mention = marks.filter(room=OuterRef("pk")), marks.filter(room=OuterRef("room"))
    named = (
        Mention.objects.filter(room=OuterRef("pk"), user=person.pk)
        .filter(seq__gt=Coalesce(Subquery(mark_of_mention.values("seq")[:1]), 0))
        .order_by()
        .values("room")
        .annotate(n=Count("*"))
        .values("n")
    )
    return (
        access.rooms(person)
        .select_related("space", "device", "first", "second")
        .annotate(
            read_seq=Coalesce(Subquery(mark.values("seq")[:1]), 0),
            unread=F("chats") - Coalesce(Subquery(mark.values("chats")[:1]), 0),
            mention_count=Coalesce(Subquery(named, output_field=IntegerField()), 0),
        )
        .order_by("-active_at", "name", "pk")
    )


def begun(among: QuerySet[Any]) -> QuerySet[Any]:
    """Leaves out empty conversations: opening the page of one must not show up in the other person's list."""
    return among.filter(Q(space__isnull=False) | Q(seq__gt=0))


def unread(person: Person, room: Room) -> tuple[int, int]:
    """How many chat messages of the room the person has not read, and how many of those mention them."""
    found = listed(person).filter(pk=room.pk).values_list("unread", "mention_count").first()
    return found or (0, 0)


def describe(person: Person, room: Any) -> dict[str, Any]:
    """A room of `listed` as the HTTP API and the inbox show it; times in milliseconds.

    `with` is the username of the other person in a conversation.
    """
    shown: dict[str, Any] = {
        "id": room.pk,
        "name": name(person, room),
        "device": room.device.uid if room.device else None,
        "space": room.space.slug if room.space else None,
        "seq": room.seq,
        "read": room.read_seq,
        "unread": room.unread,
        "mentions": room.mention_count,
        "active_at": room.active_at // 1000 or None,
    }
    if room.is_private:
        shown["with"] = shown["name"]
    return shown


def name(person: Person, room: Room) -> str:
    """The room's name for this person: the device's, the room's own, or that of the other person."""
    if room.is_private:
        other = room.second if room.first_id == person.pk else room.first
        return other.get_username() if other is not None else ""
    return room.device.name if room.device else room.name


def inbox(person: Person) -> dict[str, Any]:
    """The snapshot of the stream `inbox`: sums, the newest conversations, and the rooms with unread messages.

    `direct` counts unread messages in conversations; `unread`, `mentions` among them, those in rooms of spaces.
    """
    rooms = listed(person)
    sums = rooms.filter(unread__gt=0).values_list("space_id", "unread", "mention_count")
    private = [count for space_id, count, _ in sums if space_id is None]
    # A room with mentions has unread messages: filtering by both would cost PostgreSQL ten times as much.
    unread_rooms = rooms.filter(unread__gt=0, space__isnull=False)[:MAX_LISTED]
    return {
        "direct": sum(private),
        "mentions": sum(mentions for space_id, _, mentions in sums if space_id is not None),
        "unread": sum(count for space_id, count, _ in sums if space_id is not None),
        "conversations": conversations(person),
        "rooms": [describe(person, room) for room in unread_rooms],
    }


def conversations(person: Person) -> list[dict[str, Any]]:
    """The person's conversations, newest first, each with its `last` message, without empty ones."""
    newest = Message.objects.filter(room=OuterRef("pk"), seq=OuterRef("seq")).values("pk")
    found = list(listed(person).filter(space=None, seq__gt=0).annotate(last_id=Subquery(newest))[:MAX_LISTED])
    last = messages.by_id(room.last_id for room in found)
    return [{**describe(person, room), "last": last.get(room.last_id)} for room in found]


def people(person: Person) -> list[dict[str, Any]]:
    """The people to whom the person may write, and whether the person has blocked them."""
    blocked = set(Block.objects.filter(by=person.pk).values_list("person", flat=True))
    known = access.acquaintances(person).order_by("username").values_list("pk", "username", "bot")
    return [{"username": name, "bot": bot is not None, "blocked": pk in blocked} for pk, name, bot in known]


def members_of(room: Room) -> list[dict[str, Any]]:
    """The people who may read the room: what `@` completes to."""
    rows = access.readers(room).order_by("username").values_list("username", "bot")
    return [{"username": username, "bot": bot is not None} for username, bot in rows]
