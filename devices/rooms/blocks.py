"""Writes of who takes no private messages of whom."""

from __future__ import annotations

from devices import access
from devices.access import Person
from devices.log.models import Block
from devices.values import is_storable


def block(person: Person, username: str) -> None:
    """The two cannot write to each other any more. Raises `NotFound`."""
    Block.objects.get_or_create(by_id=person.pk, person_id=access.acquaintance(person, username).pk)


def unblock(person: Person, username: str) -> None:
    """Takes back the person's own block; nothing happens where there is none."""
    if is_storable(username):
        Block.objects.filter(by=person.pk, person__username=username).delete()
