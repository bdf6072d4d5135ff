"""How many values and bytes a device may send a second."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEVICES = 100_000
"""Devices remembered; past it all start with a full budget, which forgives a little and bounds the memory."""
BURST_US = 3_000_000
"""Microseconds' worth of a budget that may come at once, as for messages (`rate_limit.py`)."""

SET_BACK_US = 1_000_000
"""A clock that goes back by less is not noticed, and costs a device no more than this."""


@dataclass(slots=True)
class _Spent:
    """The times at which a device will have earned what it has spent so far, in microseconds."""

    bytes: float = 0.0
    values: float = 0.0


class Budgets:
    """Spending moves a time ahead of the clock, and a device that is more than `BURST_US` ahead is over its budget.

    0: no limit. The bytes of a message are known before it is handed over, its values once it is decoded.
    """

    def __init__(self, values: int, size: int) -> None:
        """`values`, and bytes (`size`), that each device may send per second."""
        self._values, self._size = values, size
        self._spent: dict[str, _Spent] = {}
        self._now = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self._values or self._size)

    def set_now(self, now: int) -> None:
        """Call it with the current time in microseconds, not with that of a message, before `ready_at`.

        A clock that was set back forgives everything: devices would otherwise have to wait until it is there again.
        """
        if now < self._now - SET_BACK_US:
            self._spent.clear()
        self._now = now

    def spend_bytes(self, uid: str, size: int, at: int) -> None:
        """The device has sent a message of this size at `at` (microseconds)."""
        if self._size:
            spent = self._of(uid)
            spent.bytes = max(spent.bytes, self._known(at)) + size * 1_000_000 / self._size

    def spend_values(self, uid: str, values: int, at: int) -> None:
        """The device has sent a message with this many values at `at` (microseconds)."""
        if self._values:
            spent = self._of(uid)
            spent.values = max(spent.values, self._known(at)) + values * 1_000_000 / self._values

    def ready_at(self, uid: str) -> int:
        """When the device may send again, in microseconds; in the past if it is within its budgets."""
        spent = self._spent.get(uid)
        return 0 if spent is None else int(max(spent.bytes, spent.values)) - BURST_US

    def limit(self, uid: str) -> str:
        """The limit that the device has exceeded, for people."""
        spent = self._of(uid)
        return f"{self._values} values/s" if spent.values >= spent.bytes else f"{self._size} bytes/s"

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
