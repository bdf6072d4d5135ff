"""Webhooks: secret addresses at which programs post into a room without an account."""

from __future__ import annotations

import secrets

from django.db import IntegrityError, transaction

from devices import access
from devices.access import Action, Person
from devices.errors import Invalid, NotFound
from devices.log import entries
from devices.log.models import Room
from devices.log.text import folded
from devices.rooms.models import Webhook
from devices.rooms.rooms import checked_name
from devices.runtime.credentials import hash_token
from devices.spaces.models import Member, Space

MAX_WEBHOOKS = 50
"""Webhooks of a room."""
MAX_NAME = 64
"""Characters of a webhook's name."""


def create_webhook(person: Person, room_id: int, name: str) -> tuple[Webhook, str]:
    """A new webhook of the room and its secret, which cannot be read again.

    Raises `NotFound`, `Forbidden` for a person who does not manage the space, and `Invalid`.
    """
    name = checked_name(name)
    if len(name) > MAX_NAME:
        raise Invalid(f"a webhook's name has up to {MAX_NAME} characters")
    secret = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            entries.lock(room_id)  # or the device could meanwhile move to another space and take the new webhook along
            room = managed(person, room_id)
            if room.webhooks.count() >= MAX_WEBHOOKS:
                raise Invalid(f"a room has up to {MAX_WEBHOOKS} webhooks")
            # Deactivated ones too: their messages are still in the room, and they may come back.
            members = Member.objects.filter(space=room.space_id)
            if folded(name) in map(folded, members.values_list("user__username", flat=True)):
                raise Invalid(f"{name!r} is the name of a member: a webhook must not be taken for a person")
            made = Webhook.objects.create(room=room, name=name, hash=hash_token(secret), created_by_id=person.pk)
    except IntegrityError:
        raise Invalid(f"there is already a webhook {name!r}") from None
    return made, secret


def give_way(space: Space, username: str) -> None:
    """Renames the webhooks of the space that are named like a new member; call it inside a transaction."""
    for found in Webhook.objects.filter(room__space=space):
        if folded(found.name) == folded(username):
            taken = set(Webhook.objects.filter(room=found.room_id).values_list("name", flat=True))
            names = (f"{found.name[:48]} (webhook{number})" for number in ["", *range(2, MAX_WEBHOOKS + 2)])
            found.name = next(name for name in names if name not in taken)
            found.save(update_fields=["name"])


def delete_webhook(person: Person, room_id: int, id: int) -> None:
    """Raises `NotFound` or `Forbidden`."""
    if not Webhook.objects.filter(room=managed(person, room_id), pk=id).delete()[0]:
        raise NotFound(f"there is no webhook {id}")


def webhook(secret: str) -> Webhook | None:
    """The webhook with this secret."""
    return Webhook.objects.filter(hash=hash_token(secret)).first()


def managed(person: Person, room_id: int) -> Room:
    """The room, if the person manages its space. Raises `NotFound` or `Forbidden`."""
    return access.room(person, room_id, Action.MANAGE)
