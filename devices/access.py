"""Who may do what: the one place that answers for MQTT topics, streams, pages, requests and exports.

People are members of spaces and have a role there; devices speak for themselves. All functions that take a
person touch the database and are synchronous.
"""

from __future__ import annotations

from enum import Enum

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from devices.errors import Forbidden, NotFound
from devices.log.models import Block, Message, Room
from devices.registry.models import Device
from devices.spaces.models import Member, Space
from devices.spaces.people import Person as Person
from devices.values import Role, is_storable, is_uid


class Action(Enum):
    """What is asked for, with the least role that may do it."""

    WATCH = Role.VIEWER
    COMMAND = Role.OPERATOR
    MANAGE = Role.MANAGER


def role_in(person: Person, space_id: int) -> Role | None:
    """The person's role in the space; `None` for anybody who is no active member."""
    if not person.is_authenticated or not person.is_active:
        return None
    role = Member.objects.filter(space=space_id, user=person.pk).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def may(person: Person, action: Action, space_id: int) -> bool:
    role = role_in(person, space_id)
    return role is not None and role >= action.value


def spaces(person: Person, action: Action = Action.WATCH) -> QuerySet[Space]:
    """The spaces in which the person may do `action`."""
    if not person.is_authenticated or not person.is_active:
        return Space.objects.none()
    return Space.objects.filter(members__user=person.pk, members__role__gte=action.value)


def space(person: Person, slug: str, action: Action = Action.WATCH) -> Space:
    """The space `slug`, if the person may do `action` in it. Raises like `device`."""
    found = spaces(person).filter(slug=slug).first() if is_storable(slug) else None
    if found is None:
        raise NotFound(f"there is no space {slug!r}")
    _require_more(person, action, found.pk)
    return found


def devices(person: Person) -> QuerySet[Device]:
    """The devices that the person may watch."""
    return Device.objects.filter(space__in=spaces(person))


def device(person: Person, uid: str, action: Action = Action.WATCH) -> Device:
    """The device `uid`, if the person may do `action` with it.

    Raises `NotFound` for a missing device and for a foreign one alike, `Forbidden` where only the role is short.
    """
    found = devices(person).select_related("space").filter(uid=uid).first() if is_uid(uid) else None
    if found is None:
        raise NotFound(f"there is no device {uid!r}")
    _require_more(person, action, found.space_id)
    return found


def rooms(person: Person) -> QuerySet[Room]:
    """The rooms that the person may read: those of their spaces, and their own conversations."""
    if not person.is_authenticated or not person.is_active:
        return Room.objects.none()
    return Room.objects.filter(Q(space__in=spaces(person)) | Q(first=person.pk) | Q(second=person.pk))


def room(person: Person, id: int, action: Action = Action.WATCH) -> Room:
    """The room `id`, if the person may do `action` in it. A conversation of two nobody manages.

    Raises `NotFound` for a missing room and for a foreign one alike, `Forbidden` where only the role is short.
    """
    found = rooms(person).select_related("space", "device", "first", "second").filter(pk=id).first()
    if found is None:
        raise NotFound(f"there is no room {id}")
    if found.space_id is not None:
        _require_more(person, action, found.space_id)
    elif action is not Action.WATCH:
        raise Forbidden("a conversation of two people belongs to no space")
    return found


def room_to_talk_in(person: Person, id: int) -> Room:
    """The room `id`, if the person may speak there: whoever may read the room of a space may.

    Raises like `room`, and `Forbidden` in a conversation whose two share no space any more, or where one has blocked
    the other.
    """
    found = room(person, id)
    if found.is_private:
        _require_acquaintance(person, found)
    return found


def acquaintances(person: Person) -> QuerySet[User]:
    """The active people who share a space with the person, who may so write to each other."""
    shared = Member.objects.filter(space__in=spaces(person)).values("user")
    return User.objects.filter(pk__in=shared, is_active=True).exclude(pk=int(person.pk or 0))


def acquaintance(person: Person, username: str) -> User:
    """Who shares a space with the person and has this username. Raises `NotFound`."""
    found = acquaintances(person).filter(username=username).first() if is_storable(username) else None
    if found is None:
        raise NotFound(f"there is nobody called {username!r} in your spaces")
    return found


def readers(room: Room) -> QuerySet[User]:
    """Who may read the room: the active members of its space, or the two of the conversation."""
    if room.space_id is not None:
        return User.objects.filter(memberships__space=room.space_id, is_active=True)
    return User.objects.filter(Q(pk=room.first_id) | Q(pk=room.second_id))


def may_remove(person: Person, message: Message) -> bool:
    """Whether the person may remove the message, and read what it said once it is removed: its author, and who manages
    the space. Asked of somebody who may read the room."""
    if message.author_id is not None and message.author_id == person.pk:
        return True
    space_id = message.room.space_id
    return space_id is not None and may(person, Action.MANAGE, space_id)


def _require_acquaintance(person: Person, conversation: Room) -> None:
    me = int(person.pk or 0)
    other = conversation.other(me)
    if other is None or not acquaintances(person).filter(pk=other).exists():
        raise Forbidden("you share no space with this person any more")
    if Block.objects.filter(Q(by=other, person=me) | Q(by=me, person=other)).exists():
        raise Forbidden("one of you has blocked the other")


def _require_more(person: Person, action: Action, space_id: int) -> None:
    """Of what the person has been found to watch already."""
    if action is not Action.WATCH:
        require(person, action, space_id)


def require(person: Person, action: Action, space_id: int) -> None:
    """Raises `Forbidden`, naming the role that is wanted, unless the person may do `action` in the space."""
    if not may(person, action, space_id):
        raise Forbidden(f"this needs the role {action.value.name.lower()}")


def device_may_touch(account: str, uid: str) -> bool:
    """Whether the device that signed in as `account` may publish or receive what belongs to device `uid`."""
    return account == uid
