"""A message that is published again is stored once, provided it carries its own time."""

from __future__ import annotations

import time

from tests.support.eventually import eventually
from tests.support.stack import Stack

MESSAGES = 1_000


def test_messages_that_a_device_publishes_again_are_stored_once(stack: Stack) -> None:
    """A restarted device does so, since it does not know what was acknowledged."""
    first_ms = time.time_ns() // 1_000_000 - MESSAGES
    for _ in range(3):
        stack.check(stack.publisher(MESSAGES, first_ms=first_ms))
    # Once this one is stored, everything that was sent before it has been processed.
    stack.check(stack.publisher(1, device=1))
    assert len(stack.stored()) == MESSAGES + 1


def test_equal_messages_without_a_time_are_all_stored(stack: Stack) -> None:
    """A repeat cannot be distinguished from a new message with the same content (docs/protocol/payloads.md)."""
    for times in (1, 2):
        publisher = stack.publisher(MESSAGES, own_times=False)
        publisher.join()
        assert publisher.done
        eventually(lambda times=times: len(stack.stored()) == times * MESSAGES)
