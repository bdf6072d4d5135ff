"""Limits on messages per minute. They are counted in the log, so that a limit holds over all processes."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from weakref import WeakKeyDictionary

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
"""Entries of a person that are not messages: that they joined, and commands from a page's controls."""


def of_person(person: Person) -> Speaker:
    return "person", int(person.pk or 0)


def of_repeats(person: Person) -> Speaker:
    """The person as a sender of repeats, which have a limit of their own."""
    return "repeats", int(person.pk or 0)


def of_webhook(webhook: Webhook) -> Speaker:
    return "webhook", webhook.pk


def too_many() -> TooMany:
    return TooMany(f"{settings.CHAT_RATE_LIMIT} messages a minute are allowed")


class ChatRates:
    """The limits as one event loop enforces them. Use `current`. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Speakers who were refused, and until when (microseconds): one entry each, for a minute at most.
        self._over: dict[Speaker, int] = {}
        # (minute, speaker) -> messages sent again in it. Only the present minute is kept.
        self._repeats: Counter[tuple[int, Speaker]] = Counter()

    def check_person(self, person: Person) -> None:
        """Raises `TooMany` if the person has reached the limit of messages per minute. Edits and removals count too."""
        self._check(of_person(person), Message.objects.filter(author=person.pk).exclude(_NOT_SAID))

    def check_webhook(self, webhook: Webhook) -> None:
        """The same for a webhook, which is recognised in the log by its name: it is unique in its room."""
        said = Message.objects.filter(room=webhook.room_id, origin=Origin.BOT, author=None, by=webhook.name)
        self._check(of_webhook(webhook), said)

    def check_repeat(self, person: Person) -> None:
        """Raises `TooMany` if the person sends messages again and again, each of which is published anew.

        The limit is the same, but counted in this process only, since repeats leave no trace in the log.
        """
        now = now_us()
        minute, speaker = now // MINUTE_US, of_repeats(person)
        with self._lock:
            if self._repeats and next(iter(self._repeats))[0] != minute:
                self._repeats.clear()
            self._repeats[minute, speaker] += 1
            sent = self._repeats[minute, speaker]
        if 0 < settings.CHAT_RATE_LIMIT < sent:
            self._remember(speaker, (minute + 1) * MINUTE_US, now)
            raise too_many()

    def is_over(self, speaker: Speaker) -> bool:
        """Whether the speaker was refused and would be again. Needs no query."""
        now = now_us()
        return now < self._over.get(speaker, 0) <= now + MINUTE_US  # later: the clock was set back since

    def _check(self, speaker: Speaker, said: QuerySet[Message]) -> None:
        limit, now = settings.CHAT_RATE_LIMIT, now_us()
        if not limit:
            return
        newest_first = said.filter(at__gt=now - MINUTE_US).order_by("-at").values_list("at", flat=True)
        for at in newest_first[limit - 1 : limit]:
            self._remember(speaker, at + MINUTE_US, now)
            raise too_many()

    def _remember(self, speaker: Speaker, until: int, now: int) -> None:
        with self._lock:
            for other in [other for other, end in self._over.items() if end <= now]:
                del self._over[other]
            self._over[speaker] = until


_rates: WeakKeyDictionary[asyncio.AbstractEventLoop, ChatRates] = WeakKeyDictionary()


def current() -> ChatRates:
    """The limits of the running event loop."""
    return _rates.setdefault(asyncio.get_running_loop(), ChatRates())
