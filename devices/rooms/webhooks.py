"""Writes of programs that talk: bots with an account, and webhooks."""

from __future__ import annotations

import secrets

from django.db import IntegrityError, transaction

from devices import access
from devices.access import Action, Person
from devices.errors import Invalid, NotFound
from devices.log import entries
from devices.log.models import Room
from devices.rooms.models import Webhook
from devices.rooms.rooms import checked_name
from devices.runtime.credentials import hash_token

MAX_WEBHOOKS = 50
"""Of a room."""


def create_webhook(person: Person, room_id: int, name: str) -> tuple[Webhook, str]:
    """A webhook of the room and its secret, which nobody can read again.

    Raises `NotFound`, `Forbidden` for who does not manage the space, and `Invalid`.
    """
    name = checked_name(name)
    if len(name) > 64:
        raise Invalid("the name of a webhook has up to 64 characters")
    secret = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            entries.lock(room_id)  # or its device could move to another space meanwhile, with the new webhook
            room = managed(person, room_id)
            if room.webhooks.count() >= MAX_WEBHOOKS:
                raise Invalid(f"a room has up to {MAX_WEBHOOKS} webhooks")
            made = Webhook.objects.create(room=room, name=name, hash=hash_token(secret), created_by_id=person.pk)
    except IntegrityError:
        raise Invalid(f"there is a webhook {name!r} already") from None
    return made, secret


def delete_webhook(person: Person, room_id: int, id: int) -> None:
    """Raises `NotFound`, or `Forbidden`."""
    if not Webhook.objects.filter(room=managed(person, room_id), pk=id).delete()[0]:
        raise NotFound(f"there is no webhook {id}")


def webhook(secret: str) -> Webhook:
    """The webhook of this secret. Raises `NotFound`."""
    found = Webhook.objects.filter(hash=hash_token(secret)).first()
    if found is None:
        raise NotFound("there is no such webhook")
    return found


def managed(person: Person, room_id: int) -> Room:
    """The room, if the person manages its space. Raises `NotFound`, or `Forbidden`."""
    return access.room(person, room_id, Action.MANAGE)
