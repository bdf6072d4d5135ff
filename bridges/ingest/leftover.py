"""What devices over their budgets may have of a batch, after all others."""

from __future__ import annotations

from bridges.ingest.budgets import SET_BACK_US
from bridges.ingest.delivery import Delivery, estimated_values

LEAST_MESSAGES, MOST_MESSAGES = 50, 250
LEAST_VALUES, MOST_VALUES = 200, 1_000
"""Of a batch, for all these devices together: a message of another device may be later by the time that they take."""
PAUSE_US = 10_000
"""Microseconds from one such batch to the next."""
MANY_MESSAGES, MANY_BYTES = 1_600, 48 << 20
"""Where so many are waiting, they have the most, and without a pause. Mosquitto lets a bridge have 2,000 messages
unacknowledged; once all of them are of such devices, QoS 1 of the others is held up behind them."""


class Leftover:
    """The more messages wait, the more of the time is theirs: they may delay others a little, and not block them."""

    def __init__(self) -> None:
        self.due_at = 0
        """When the next batch may have any, in microseconds."""
        self._messages = self._values = 0.0
        self._admitted = 0

    def begin(self, now: int, messages: int, size: int) -> bool:
        """Whether the batch at `now` may have any, while so many messages and bytes are waiting."""
        if now < self.due_at <= now + SET_BACK_US:
            return False
        # Squared, so that a flood of some seconds is hardly noticed by others.
        fill = min(1.0, max(messages / MANY_MESSAGES, size / MANY_BYTES)) ** 2
        self._messages = LEAST_MESSAGES + fill * (MOST_MESSAGES - LEAST_MESSAGES)
        self._values = LEAST_VALUES + fill * (MOST_VALUES - LEAST_VALUES)
        self.due_at = now + int((1 - fill) * PAUSE_US)
        self._admitted = 0
        return True

    def admit(self, delivery: Delivery) -> bool:
        """Whether there is room for this one. The first one always fits, and is stored in part."""
        values = min(MOST_VALUES, estimated_values(delivery))
        if self._admitted and (self._admitted >= self._messages or values > self._values):
            return False
        self._admitted += 1
        delivery.part_values = max(LEAST_VALUES, int(self._values))
        self._values -= values
        return True
