"""A killed bridge loses nothing, since it acknowledges only what it has stored."""

from __future__ import annotations

import random
import signal

import pytest

from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = usually(5_000, soak=10_000)
KILLS = 3

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("seed", usually([1], soak=[1, 2, 3]))
def test_a_killed_bridge_neither_loses_nor_duplicates_messages(stack: Stack, seed: int) -> None:
    points = sorted(random.Random(seed).sample(range(500, MESSAGES - 500), KILLS))
    publisher = stack.publisher(MESSAGES)
    for point in points:
        publisher.wait_until_sent(point)
        stack.bridge.stop(signal.SIGKILL)
        stack.bridge.start()
    print(f"caught up {stack.check(publisher):.1f} s after the last acknowledgement")
