"""Blocks between two people, who then cannot write to each other."""

from __future__ import annotations

from devices import access
from devices.access import Person
from devices.log.models import Block
from devices.values import is_storable


def block(person: Person, username: str) -> None:
    """Blocks the person with this username. Raises `NotFound`."""
    Block.objects.get_or_create(by_id=person.pk, person_id=access.acquaintance(person, username).pk)


def unblock(person: Person, username: str) -> None:
    """Removes the person's own block, if there is one."""
    if is_storable(username):
        Block.objects.filter(by=person.pk, person__username=username).delete()
