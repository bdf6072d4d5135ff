"""Reads of programs that talk."""

from __future__ import annotations

from devices.log.models import Bot
from devices.spaces.people import Person
from devices.values import Origin


def of_person(person: Person) -> Origin:
    """What the person is to those who read what they say."""
    return Origin.BOT if Bot.objects.filter(user=person.pk).exists() else Origin.PERSON
