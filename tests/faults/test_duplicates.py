"""A message that is published again is stored once, where it carries its own time."""

from __future__ import annotations

import time

from tests.support.eventually import eventually
from tests.support.stack import Stack

MESSAGES = 1_000


def test_what_a_device_publishes_again_is_absorbed(stack: Stack) -> None:
    """As after a restart of the device, which does not know what was acknowledged."""
    first_ms = time.time_ns() // 1_000_000 - MESSAGES
    for _ in range(3):
        stack.check(stack.publisher(MESSAGES, first_ms=first_ms))
    # All that came before it has been dealt with by then.
    stack.check(stack.publisher(1, device=1))
    assert len(stack.stored()) == MESSAGES + 1


def test_without_times_of_their_own_equal_messages_are_all_stored(stack: Stack) -> None:
    """A repeat cannot be told from a new message of the same content (docs/protocol/payloads.md)."""
    for times in (1, 2):
        publisher = stack.publisher(MESSAGES, own_times=False)
        publisher.join()
        assert publisher.done
        eventually(lambda times=times: len(stack.stored()) == times * MESSAGES)
