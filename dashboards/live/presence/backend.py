"""Chooses the back end of this hub."""

from __future__ import annotations

from django.conf import settings

from dashboards.live.presence.contract import Presence
from dashboards.live.presence.memory import MemoryPresence
from dashboards.live.presence.redis import RedisPresence


def make() -> Presence:
    """Returns Redis where the hub has one, as several processes may then serve it."""
    return RedisPresence(settings.REDIS_URL) if settings.REDIS_URL else MemoryPresence()
