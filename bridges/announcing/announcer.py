"""Keeps the announcements of the hub's own devices current at a broker."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from django.db import Error as DatabaseError

from bridges.announcing import home_assistant
from devices.registry import brokers
from devices.registry.models import Device
from devices.runtime import database
from devices.telemetry import snapshots
from devices.values import Availability

logger = logging.getLogger("hubbub.announcing")

STATE_S = 2.0
"""How often changes of availability are looked for."""
DEVICES_S = 20.0
"""How often new devices, metrics and controls are looked for."""
MAX_DEVICES = 5_000
"""Devices that are announced; further ones are not, and that is logged. Each is two retained messages."""

Publish = Callable[[str, bytes], Awaitable[None]]
"""Publishes a retained message; an empty one removes it."""


class Announcer:
    """Remembers what it has published, and publishes what has changed."""

    def __init__(self, broker: str, publish: Publish) -> None:
        """`broker`: its name; devices of other brokers are not announced there."""
        self._broker = broker
        self._publish = publish
        self._published: dict[str, bytes] = {}

    async def run(self) -> None:
        """Works until cancelled. Raises what `publish` raises."""
        looked_at = -DEVICES_S
        while True:
            try:
                if time.monotonic() - looked_at >= DEVICES_S:
                    looked_at = time.monotonic()
                    await self._update(await database.run(_configs, self._broker), home_assistant.config_topic)
                await self._update(await database.run(_states, self._broker), home_assistant.availability_topic)
            except DatabaseError as error:
                logger.warning("devices cannot be announced: %s", error)
            await asyncio.sleep(STATE_S)

    async def _update(self, wanted: dict[str, bytes], topic_of: Callable[[str], str]) -> None:
        topics = {topic_of(uid): payload for uid, payload in wanted.items()}
        kind = topic_of("").rsplit("/", 1)[1]
        gone = [known for known in self._published if known.endswith(f"/{kind}") and known not in topics]
        for topic, payload in [*topics.items(), *((topic, b"") for topic in gone)]:
            if self._published.get(topic, b"") != payload:
                await self._publish(topic, payload)
                self._published[topic] = payload
        for topic in gone:
            del self._published[topic]


def _announced(broker: str) -> list[Device]:
    """Devices that use the hub's own topics, the oldest first."""
    own = Device.objects.filter(broker__in=brokers.assignments(broker), addresses__isnull=True)
    found = list(own.select_related("space").order_by("pk")[: MAX_DEVICES + 1])
    if len(found) > MAX_DEVICES:
        logger.warning("more than %d devices: the newest are not announced to Home Assistant", MAX_DEVICES)
    return found[:MAX_DEVICES]


def _configs(broker: str) -> dict[str, bytes]:
    found = snapshots.of_devices(_announced(broker))
    return {uid: home_assistant.config(snapshot) for uid, snapshot in found.items()}


def _states(broker: str) -> dict[str, bytes]:
    online = (Availability.ONLINE, Availability.UNKNOWN)
    return {one.uid: b"online" if one.availability in online else b"offline" for one in _announced(broker)}
