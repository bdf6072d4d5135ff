"""The spaces of devices, as batches have found them."""

from __future__ import annotations

from collections.abc import Mapping

from devices.registry.senders import Sender

MAX_DEVICES = 100_000
"""Devices remembered; past it all are forgotten, and are one group until they are found again."""
UNKNOWN = 0
"""In place of the id of a space: that of devices which have sent nothing yet, or which do not exist."""


class KnownSpaces:
    """Filled by the thread that stores, read by the event loop: a batch must not ask the database whose turn it is."""

    def __init__(self) -> None:
        self._senders: dict[str, Sender] = {}

    def learn(self, senders: Mapping[str, Sender]) -> None:
        if len(self._senders) >= MAX_DEVICES:
            self._senders = {}
        self._senders.update(senders)

    def of(self, uid: str) -> int:
        """The id of the device's space, or of its gateway's, or `UNKNOWN`."""
        sender = self._senders.get(uid.partition("/")[0])
        return UNKNOWN if sender is None else sender.space_id
