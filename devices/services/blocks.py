"""Writes of who takes no private messages of whom."""

from __future__ import annotations

from devices import access
from devices.access import Person
from devices.errors import NotFound
from devices.models import Block


def block(person: Person, username: str) -> None:
    """The two cannot write to each other any more. Raises `NotFound`."""
    known = username.isprintable() and access.acquaintances(person).filter(username=username).first()
    if not known:
        raise NotFound(f"there is nobody called {username!r} in your spaces")
    Block.objects.get_or_create(by_id=person.pk, person_id=known.pk)


def unblock(person: Person, username: str) -> None:
    """Takes back the person's own block; nothing happens where there is none."""
    if username.isprintable():
        Block.objects.filter(by=person.pk, person__username=username).delete()
