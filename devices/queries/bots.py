"""Reads of programs that talk."""

from __future__ import annotations

from devices.access import Person
from devices.models import Bot
from devices.values import Origin


def origin(person: Person) -> Origin:
    """What the person is to those who read what they say."""
    return Origin.BOT if Bot.objects.filter(user=person.pk).exists() else Origin.PERSON
