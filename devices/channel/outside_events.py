"""Events of other processes, through the database, for a hub whose channel layer is in memory.

A `manage.py` command that removes a member runs beside the hub, and its own memory layer reaches nobody else. So it
stores its events in a table for a minute, and the hub's process reads them from there (`channel.follower`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import ClassVar

import msgspec
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import Error as DatabaseError

from devices.channel.events import Event, from_message, to_message
from devices.channel.models import OutsideEvent
from devices.values import now_us

logger = logging.getLogger("hubbub.outside_events")

KEPT_US = 60_000_000
"""How long an event is kept, however many processes read it. A hub that starts later needs none of them."""


def are_needed() -> bool:
    """Whether the channel layer ends with its process, so that other processes have to use the database."""
    return isinstance(get_channel_layer(), InMemoryChannelLayer)


def store(events: Iterable[Event]) -> None:
    """Stores the events for the hub's process, unless this is one, which has published them to itself.

    The rows are committed by now, so a failure is logged, never raised: the hub's regular checks find the change.
    """
    if Reader.open_ones or not are_needed():
        return
    now = now_us()
    rows = [OutsideEvent(at=now, message=msgspec.msgpack.encode(to_message(event))) for event in events]
    try:
        OutsideEvent.objects.filter(at__lt=now - KEPT_US).delete()
        OutsideEvent.objects.bulk_create(rows)
    except DatabaseError as error:
        logger.warning("a running hub finds the change only at its next regular check: %s", error)


class Reader:
    """Reads what other processes have stored since it was made."""

    open_ones: ClassVar[int] = 0
    """How many there are in this process."""

    def __init__(self) -> None:
        self._since = now_us()
        self._seen: set[int] = set()
        """Rows are told apart by their ids, not by the highest one: a transaction with a lower id may commit later."""
        Reader.open_ones += 1

    def close(self) -> None:
        Reader.open_ones -= 1

    def read(self) -> list[Event]:
        """The new events, in the order in which they were stored."""
        # Rows stay until somebody stores the next one: without a bound, the last ones would be read again for ever.
        recent = OutsideEvent.objects.filter(at__gte=max(self._since, now_us() - KEPT_US))
        ids = set(recent.values_list("pk", flat=True))
        new = ids - self._seen
        messages = list(recent.order_by("pk").values_list("pk", "message")) if new else []
        self._seen = ids  # only now: after an error they are read again
        return [event for pk, message in messages if pk in new and (event := _decoded(bytes(message)))]


def _decoded(message: bytes) -> Event | None:
    try:
        return from_message(msgspec.msgpack.decode(message))
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        logger.error("an event of another version of the hub: %r", error)
        return None
