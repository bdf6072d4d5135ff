"""How much somebody may say. Counted in the log, so over all connections and processes."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q, QuerySet

from devices.access import Person
from devices.errors import TooMany
from devices.models import Message, Webhook
from devices.values import MessageKind, Origin, now_us

MINUTE_US = 60_000_000

_NOT_SAID = Q(kind=MessageKind.JOINED) | Q(kind=MessageKind.COMMAND, text="")
"""What the log has of a person that they did not say: that they came, and commands from a page's controls."""


def check_person(person: Person) -> None:
    """Raises `TooMany` for a person who has said as much as one may in a minute, edits and removals included."""
    _check(Message.objects.filter(author=person.pk).exclude(_NOT_SAID))


def check_webhook(webhook: Webhook) -> None:
    """The same for a webhook, whose name no other one of its room has."""
    _check(Message.objects.filter(room=webhook.room_id, origin=Origin.BOT, author=None, by=webhook.name))


def _check(said: QuerySet[Message]) -> None:
    limit = settings.CHAT_RATE_LIMIT
    if limit and said.filter(at__gt=now_us() - MINUTE_US).order_by()[:limit].count() >= limit:
        raise TooMany(f"{limit} messages a minute are allowed")
