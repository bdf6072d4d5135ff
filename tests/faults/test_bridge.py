"""A bridge that is killed loses nothing: what it has not stored it has not acknowledged."""

from __future__ import annotations

import random
import signal

import pytest

from tests.support.stack import Stack

MESSAGES = 10_000
KILLS = 3

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_bridge_loses_nothing_and_doubles_nothing(stack: Stack, seed: int) -> None:
    points = sorted(random.Random(seed).sample(range(500, MESSAGES - 500), KILLS))
    publisher = stack.publisher(MESSAGES)
    for point in points:
        publisher.wait_until_sent(point)
        stack.bridge.stop(signal.SIGKILL)
        stack.bridge.start()
    print(f"caught up {stack.check(publisher):.1f} s after the last acknowledgement")
