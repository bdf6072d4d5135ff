"""The only sender to the channel layer. Write, commit, then `publish`."""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from channels.layers import get_channel_layer

from devices import stats
from devices.events import Event, TelemetryStored, to_message

logger = logging.getLogger("hubbub.fanout")

SOURCE = secrets.token_hex(4)
"""Tells this process's running numbers from those of others and of its own earlier life."""

_numbers: defaultdict[int, int] = defaultdict(int)


async def publish(events: Iterable[Event]) -> None:
    """Sends the events to their groups, in order.

    The rows are committed by now: a layer that fails is counted and logged, never raised. What it lost shows as a
    jump in the running numbers, and viewers are told to look again at the database.
    """
    layer = get_channel_layer()
    for event in events:
        if isinstance(event, TelemetryStored):
            # No await between taking the number and `group_send`: two publishers must not overtake each other.
            _numbers[event.shard] += 1
            event = replace(event, source=SOURCE, n=_numbers[event.shard])
        try:
            await layer.group_send(event.group, to_message(event))
        except Exception as error:
            stats.layer_failures.labels(event.type).inc()
            logger.warning("the channel layer did not take a %s event: %s", event.type, error)
