"""Bots: programs with an account of their own."""

from __future__ import annotations

from django.db import transaction

from devices.log.models import Bot
from devices.rooms import provisioning
from devices.spaces import people, tokens
from devices.spaces.models import Space
from devices.values import Role


def create_bot(username: str, space: Space, role: Role) -> str:
    """Makes an account for a program and returns its API token, which cannot be read again. Raises `Invalid`."""
    with transaction.atomic():
        person = people.create_person(username, None)
        Bot.objects.create(user_id=person.pk)
        provisioning.set_role(space, person, role)
        return tokens.create(person)
