"""How many messages, values and bytes a device may send a second."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEVICES = 100_000
"""Devices remembered; past it all start with a full budget, which forgives a little and bounds the memory."""
BURST_US = 3_000_000
"""Microseconds' worth of a budget that may come at once: on a busy machine the broker or the hub may hand over in a
moment what a device sent within seconds."""

SET_BACK_US = 1_000_000
"""A clock that goes back by less is not noticed, and costs a device no more than this."""


@dataclass(slots=True)
class _Spent:
    """The times at which a device will have earned what it has spent so far, in microseconds."""

    messages: float = 0.0
    bytes: float = 0.0
    values: float = 0.0


class Budgets:
    """Spending moves a time ahead of the clock, and a device that is more than `BURST_US` ahead is over its budget.

    Messages and their bytes are known before they are handed over, their values once they are decoded.
    """

    def __init__(self, *, messages: int = 0, values: int = 0, size: int = 0) -> None:
        """Messages, values and bytes (`size`) that each device may send per second. 0: no limit."""
        self._messages, self._values, self._size = messages, values, size
        # Microseconds that each of them costs.
        self._message_us, self._value_us, self._byte_us = (
            1_000_000 / limit if limit else 0.0 for limit in (messages, values, size)
        )
        self.limited = bool(messages or values or size)
        """Whether there is any limit."""
        self._spent: dict[str, _Spent] = {}
        self._now = 0

    def set_now(self, now: int) -> None:
        """Call it with the current time in microseconds, not with that of a message, before `ready_at`.

        A clock that was set back forgives everything: devices would otherwise have to wait until it is there again.
        """
        if now < self._now - SET_BACK_US:
            self._spent.clear()
        self._now = now

    def spend(self, uid: str, messages: int, size: int, at: int) -> None:
        """The device has sent messages of this size in all, the last one at `at` (microseconds)."""
        if self.limited:
            spent = self._spent.get(uid) or self._of(uid)
            at = self._known(at)
            spent.messages = max(spent.messages, at) + messages * self._message_us
            spent.bytes = max(spent.bytes, at) + size * self._byte_us

    def spend_values(self, uid: str, values: int, at: int) -> None:
        """The device has sent messages with this many values, the last one at `at` (microseconds)."""
        if self._values:
            spent = self._of(uid)
            spent.values = max(spent.values, self._known(at)) + values * self._value_us

    def ready_at(self, uid: str) -> int:
        """When the device may send again, in microseconds; in the past if it is within its budgets."""
        spent = self._spent.get(uid)
        return 0 if spent is None else int(max(spent.messages, spent.bytes, spent.values)) - BURST_US

    def limit(self, uid: str) -> str:
        """The limit that the device has exceeded, for people."""
        spent = self._of(uid)
        _, limit, unit = max(
            (spent.messages, self._messages, "messages"),
            (spent.bytes, self._size, "bytes"),
            (spent.values, self._values, "values"),
        )
        return f"{limit} {unit}/s"

    def _known(self, at: int) -> int:
        """The time, or now for a message that came before the clock was set back."""
        return min(at, self._now) if self._now else at

    def _of(self, uid: str) -> _Spent:
        spent = self._spent.get(uid)
        if spent is None:
            if len(self._spent) >= MAX_DEVICES:
                self._spent.clear()
            spent = self._spent[uid] = _Spent()
        return spent
