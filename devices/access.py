"""Permissions: the one place that decides about MQTT topics, streams, pages, requests and exports.

People are members of spaces and have a role in each; a device acts only for itself. All functions with a person as
argument query the database and are synchronous. They also ask it whether the person is active: an object that was
loaded when a connection opened does not show that the person has been deactivated since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from django.contrib.auth.models import User
from django.db.models import Exists, Q, QuerySet

from devices.errors import Forbidden, NotFound
from devices.log.models import Block, Message, Room
from devices.registry import brokers
from devices.registry.models import Decoder, Device
from devices.registry.sources.models import OutsideBroker, Source
from devices.spaces.models import Member, Space
from devices.spaces.people import Person as Person
from devices.values import Role, is_storable, is_uid


class Action(Enum):
    """An action, with the lowest role that may do it."""

    WATCH = Role.VIEWER
    COMMAND = Role.OPERATOR
    MANAGE = Role.MANAGER


def role_in(person: Person, space_id: int) -> Role | None:
    """The person's role in the space; `None` if they are not an active member."""
    if not person.is_authenticated or not person.is_active:
        return None
    memberships = Member.objects.filter(space=space_id, user=person.pk, user__is_active=True)
    role = memberships.values_list("role", flat=True).first()
    return None if role is None else Role(role)


def may(person: Person, action: Action, space_id: int) -> bool:
    role = role_in(person, space_id)
    return role is not None and role >= action.value


def spaces(person: Person, action: Action = Action.WATCH) -> QuerySet[Space]:
    """The spaces in which the person may do `action`."""
    if not person.is_authenticated or not person.is_active:
        return Space.objects.none()
    memberships = {"members__user": person.pk, "members__user__is_active": True, "members__role__gte": action.value}
    return Space.objects.filter(**memberships)


def space(person: Person, slug: str, action: Action = Action.WATCH) -> Space:
    """The space `slug`, if the person may do `action` in it. Raises what `device` raises."""
    found = spaces(person).filter(slug=slug).first() if is_storable(slug) else None
    if found is None:
        raise NotFound(f"there is no space {slug!r}")
    _require_more(person, action, found.pk)
    return found


def devices(person: Person) -> QuerySet[Device]:
    """The devices that the person may watch."""
    return Device.objects.filter(space__in=spaces(person))


def watched_by(people: Iterable[int]) -> dict[int, frozenset[str]]:
    """Person -> uids of the devices that they may watch, for many people at a time; nothing of inactive ones.

    People of the same spaces share a set.
    """
    memberships = Member.objects.filter(user__in=people, user__is_active=True, role__gte=Action.WATCH.value)
    spaces_of: defaultdict[int, set[int]] = defaultdict(set)
    for person_id, space_id in memberships.values_list("user", "space"):
        spaces_of[person_id].add(space_id)
    uids_in: defaultdict[int, list[str]] = defaultdict(list)
    watched = Device.objects.filter(space__in=set().union(*spaces_of.values())).order_by()
    for space_id, uid in watched.values_list("space", "uid"):
        uids_in[space_id].append(uid)
    sets = {
        found: frozenset(uid for id in found for uid in uids_in[id]) for found in map(frozenset, spaces_of.values())
    }
    return {person_id: sets[frozenset(found)] for person_id, found in spaces_of.items()}


def device(person: Person, uid: str, action: Action = Action.WATCH) -> Device:
    """The device `uid`, if the person may do `action` with it.

    Raises `NotFound` alike for a missing device and for one of a foreign space, `Forbidden` if the role is too low.
    """
    found = devices(person).select_related("space").filter(uid=uid).first() if is_uid(uid) else None
    if found is None:
        raise NotFound(f"there is no device {uid!r}")
    _require_more(person, action, found.space_id)
    return found


def sources(person: Person) -> QuerySet[Source]:
    """The sources of the spaces that the person manages: nobody else sees what was found there."""
    return Source.objects.filter(space__in=spaces(person, Action.MANAGE))


def source(person: Person, id: int) -> Source:
    """The source `id`, if the person manages its space. Raises what `device` raises."""
    found = Source.objects.select_related("space").filter(pk=id, space__in=spaces(person)).first()
    if found is None:
        raise NotFound(f"there is no source {id}")
    require(person, Action.MANAGE, found.space_id)
    return found


def outside_brokers(person: Person, space_id: int) -> QuerySet[OutsideBroker]:
    """The added brokers at which a manager of the space may have the hub listen: those that were added for the space,
    and for an administrator of the hub those that were added for no space as well."""
    added = OutsideBroker.objects.filter(Q(space=space_id) | Q(space=None))
    return added if is_hub_administrator(person) else added.filter(space=space_id)


def broker_names(person: Person, space_id: int) -> list[str]:
    """The brokers at which a manager of the space may have the hub listen: those with accounts of the hub, and
    `outside_brokers`."""
    return [*brokers.names(), *outside_brokers(person, space_id).values_list("name", flat=True)]


def require_broker(person: Person, space_id: int, name: str) -> None:
    """Raises `NotFound` for one that is not among `broker_names`."""
    if name not in broker_names(person, space_id):
        raise NotFound(f"there is no broker {name!r}")


def managed_brokers(person: Person) -> QuerySet[OutsideBroker]:
    """The added brokers that the person may delete: those of the spaces they manage, and all for an administrator of
    the hub."""
    if is_hub_administrator(person):
        return OutsideBroker.objects.all()
    return OutsideBroker.objects.filter(space__in=spaces(person, Action.MANAGE))


def managed_broker(person: Person, name: str) -> OutsideBroker:
    """The broker `name`, if the person may delete it. Raises `NotFound`."""
    found = managed_brokers(person).filter(name=name).first() if is_uid(name) else None
    if found is None:
        raise NotFound(f"there is no broker {name!r}")
    return found


def space_of_broker(person: Person, slug: str | None) -> Space | None:
    """The space for which the person may add a broker; `None`, for no space: administrators of the hub only. Raises
    what `space` raises."""
    if slug is not None:
        return space(person, slug, Action.MANAGE)
    if not is_hub_administrator(person):
        raise Forbidden("only administrators of the hub add a broker for no space")
    return None


def decoders(person: Person, action: Action = Action.WATCH) -> QuerySet[Decoder]:
    """The decoders of the spaces in which the person may do `action`."""
    return Decoder.objects.filter(space__in=spaces(person, action))


def decoder(person: Person, id: int, action: Action = Action.WATCH) -> Decoder:
    """The decoder `id`, if the person may do `action` with it. Raises what `device` raises."""
    found = decoders(person).select_related("space").filter(pk=id).first()
    if found is None:
        raise NotFound(f"there is no decoder {id}")
    _require_more(person, action, found.space_id)
    return found


def rooms(person: Person) -> QuerySet[Room]:
    """The rooms that the person may read: those of their spaces, and their own conversations."""
    if not person.is_authenticated or not person.is_active:
        return Room.objects.none()
    own = Q(space__in=spaces(person)) | Q(first=person.pk) | Q(second=person.pk)
    return Room.objects.filter(own, Exists(User.objects.filter(pk=person.pk, is_active=True)))


def room(person: Person, id: int, action: Action = Action.WATCH) -> Room:
    """The room `id`, if the person may do `action` in it. Nobody manages a conversation of two people.

    Raises `NotFound` alike for a missing room and for a foreign one, `Forbidden` if the role is too low.
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
    """The room `id`, if the person may post there. In a room of a space, everybody who may read it may post.

    Raises what `room` raises, and `Forbidden` in a conversation of two people who no longer share a space, or one of
    whom has blocked the other.
    """
    found = room(person, id)
    if found.is_private:
        _require_acquaintance(person, found)
    return found


def acquaintances(person: Person) -> QuerySet[User]:
    """The active people who share a space with the person, so that they may write to each other."""
    shared = Member.objects.filter(space__in=spaces(person)).values("user")
    return User.objects.filter(pk__in=shared, is_active=True).exclude(pk=int(person.pk or 0))


def acquaintance(person: Person, username: str) -> User:
    """The person with this username who shares a space with `person`. Raises `NotFound`."""
    found = acquaintances(person).filter(username=username).first() if is_storable(username) else None
    if found is None:
        raise NotFound(f"there is nobody called {username!r} in your spaces")
    return found


def readers(room: Room) -> QuerySet[User]:
    """The people who may read the room: the active members of its space, or the two people of the conversation."""
    if room.space_id is not None:
        return User.objects.filter(memberships__space=room.space_id, is_active=True)
    return User.objects.filter(Q(pk=room.first_id) | Q(pk=room.second_id))


def may_remove(person: Person, message: Message) -> bool:
    """Whether the person may remove the message and read its text after the removal, which its author and the managers
    of the space may. Ask this only for a person who may read the room."""
    if message.author_id is not None and message.author_id == person.pk:
        return True
    space_id = message.room.space_id
    return space_id is not None and may(person, Action.MANAGE, space_id)


def _require_acquaintance(person: Person, conversation: Room) -> None:
    me = int(person.pk or 0)
    other = conversation.other(me)
    if other is None or not acquaintances(person).filter(pk=other).exists():
        raise Forbidden("you no longer share a space with this person")
    if Block.objects.filter(Q(by=other, person=me) | Q(by=me, person=other)).exists():
        raise Forbidden("one of you has blocked the other")


def _require_more(person: Person, action: Action, space_id: int) -> None:
    """Like `require`, for something that the person is known to be allowed to watch."""
    if action is not Action.WATCH:
        require(person, action, space_id)


def require(person: Person, action: Action, space_id: int) -> None:
    """Raises `Forbidden`, naming the required role, unless the person may do `action` in the space."""
    if not may(person, action, space_id):
        raise Forbidden(f"this needs the role {action.value.name.lower()}")


def is_hub_administrator(person: Person) -> bool:
    """Whether the person administers the hub as a whole, such as the statistics of its broker: Django's superusers do.
    No role in a space implies it."""
    if not person.is_authenticated:
        return False
    return User.objects.filter(pk=person.pk, is_active=True, is_superuser=True).exists()


def device_may_touch(account: str, uid: str) -> bool:
    """Whether the device signed in as `account` may publish or receive on the topics of device `uid`."""
    return account == uid
