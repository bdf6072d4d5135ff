"""How much somebody may say. Counted in the log, so over all connections and processes."""

from __future__ import annotations

import threading
from collections import Counter

from django.conf import settings
from django.db.models import Q, QuerySet

from devices.access import Person
from devices.errors import TooMany
from devices.log.models import Message
from devices.log.room_queue import Speaker
from devices.rooms.models import Webhook
from devices.values import MessageKind, Origin, now_us

MINUTE_US = 60_000_000

_NOT_SAID = Q(kind=MessageKind.JOINED) | Q(kind=MessageKind.COMMAND, text="")
"""What the log has of a person that they did not say: that they came, and commands from a page's controls."""

_lock = threading.Lock()
_over: dict[Speaker, int] = {}
"""Who was refused by this process, and until when in microseconds: one entry each for a minute at most."""
_repeats: Counter[tuple[int, Speaker]] = Counter()
"""(minute, who) -> messages that they have sent again in that minute; of one minute at a time."""


def of_person(person: Person) -> Speaker:
    return "person", int(person.pk or 0)


def of_repeats(person: Person) -> Speaker:
    """The person, as far as they say again what they have said."""
    return "repeats", int(person.pk or 0)


def of_webhook(webhook: Webhook) -> Speaker:
    return "webhook", webhook.pk


def check_person(person: Person) -> None:
    """Raises `TooMany` for a person who has said as much as one may in a minute, edits and removals included."""
    _check(of_person(person), Message.objects.filter(author=person.pk).exclude(_NOT_SAID))


def check_webhook(webhook: Webhook) -> None:
    """The same for a webhook, whose name no other one of its room has."""
    said = Message.objects.filter(room=webhook.room_id, origin=Origin.BOT, author=None, by=webhook.name)
    _check(of_webhook(webhook), said)


def check_repeat(person: Person) -> None:
    """Raises `TooMany` for a person who sends messages again and again, each of which is published anew.

    As many as one may say, but in this process alone: the log does not show them.
    """
    now = now_us()
    minute, speaker = now // MINUTE_US, of_repeats(person)
    with _lock:
        if _repeats and next(iter(_repeats))[0] != minute:
            _repeats.clear()
        _repeats[minute, speaker] += 1
        sent = _repeats[minute, speaker]
    if 0 < settings.CHAT_RATE_LIMIT < sent:
        _remember(speaker, (minute + 1) * MINUTE_US, now)
        raise too_many()


def is_over(speaker: Speaker) -> bool:
    """Whether they were refused and would be again. Costs no look into the database."""
    now = now_us()
    return now < _over.get(speaker, 0) <= now + MINUTE_US  # else the clock was set back since


def too_many() -> TooMany:
    return TooMany(f"{settings.CHAT_RATE_LIMIT} messages a minute are allowed")


def _check(speaker: Speaker, said: QuerySet[Message]) -> None:
    limit, now = settings.CHAT_RATE_LIMIT, now_us()
    if not limit:
        return
    newest_first = said.filter(at__gt=now - MINUTE_US).order_by("-at").values_list("at", flat=True)
    for at in newest_first[limit - 1 : limit]:
        _remember(speaker, at + MINUTE_US, now)
        raise too_many()


def _remember(speaker: Speaker, until: int, now: int) -> None:
    with _lock:
        for other in [other for other, end in _over.items() if end <= now]:
            del _over[other]
        _over[speaker] = until
