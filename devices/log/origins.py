"""The kind of author that an account is."""

from __future__ import annotations

from devices.log.models import Bot
from devices.spaces.people import Person
from devices.values import Origin


def of_person(person: Person) -> Origin:
    """How the log labels messages of this account."""
    return Origin.BOT if Bot.objects.filter(user=person.pk).exists() else Origin.PERSON
