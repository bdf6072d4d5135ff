"""Spaces that share a broker: the topics of one's sources are not another's to listen to."""

from __future__ import annotations

from collections.abc import Collection

from bridges.sources.conventions import make
from bridges.sources.filters import overlap
from devices.errors import Forbidden, HubbubError
from devices.registry.sources import sources


def check(broker: str, space_id: int, filters: Collection[str]) -> None:
    """Raises `Forbidden` where a source of another space at this broker has topics of these filters."""
    for source in sources.of_broker(broker):
        if source.space_id == space_id:
            continue
        try:
            theirs = make(source.convention, source.prefix, source.options).device_filters()
        except HubbubError:  # it is not listened to either
            continue
        if any(overlap(ours, other) for ours in filters for other in theirs):
            raise Forbidden("devices of another space have topics of this filter")
