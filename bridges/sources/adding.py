"""Adds a source, once its convention and its broker have accepted it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridges.sources import boundaries, brokers
from bridges.sources.conventions import make
from devices.registry import brokers as registered_brokers
from devices.registry.sources import sources
from devices.registry.sources.models import Source
from devices.spaces.models import Space


def add(
    space: Space,
    broker: str,
    convention: str,
    prefix: str = "",
    *,
    adopt: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Source:
    """`broker`: its name; empty: the first. `prefix`: empty stands for the convention's own. Raises `Invalid`, and
    `Forbidden` for topics of another space's source."""
    name = broker or registered_brokers.first()
    brokers.check(name)
    if convention == "homeassistant" and brokers.has_accounts(name):
        options = {"topics": [], **(options or {})}  # announcements must not reach for topics of other spaces
    made = make(convention, prefix, options)
    boundaries.check(name, space.pk, made.device_filters())
    return sources.create(space, name, convention, made.prefix, adopt=adopt, options=made.options)
