"""The logins of sources at Mosquitto, and the topics that the bridge listens to for them."""

from __future__ import annotations

import logging

from bridges.mosquitto.accounts import SourceAccount
from bridges.sources.conventions import make
from devices.errors import HubbubError
from devices.registry.sources import sources

logger = logging.getLogger("hubbub.mosquitto")


def source_rights(broker: str) -> tuple[list[SourceAccount], list[str]]:
    """The accounts of the sources at the broker of this name, and the filters that its bridge needs."""
    found: list[SourceAccount] = []
    listened: list[str] = []
    for source in sources.of_broker(broker):
        try:
            filters = tuple(make(source.convention, source.prefix, source.options).device_filters())
        except HubbubError as error:
            logger.warning("%s is left out: %s", source, error.message)
            continue
        listened += filters
        found += [SourceAccount(one.username, one.secret_hash, filters) for one in source.logins.all()]
    return found, listened
