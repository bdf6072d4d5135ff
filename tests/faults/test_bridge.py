"""A bridge that is killed loses nothing: what it has not stored it has not acknowledged."""

from __future__ import annotations

import random
import signal

import pytest

from tests.support.stage import Stage

MESSAGES = 10_000
KILLS = 3

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_bridge_loses_nothing_and_doubles_nothing(stage: Stage, seed: int) -> None:
    points = sorted(random.Random(seed).sample(range(500, MESSAGES - 500), KILLS))
    publisher = stage.publisher(MESSAGES)
    for point in points:
        publisher.wait_until_sent(point)
        stage.bridge.stop(signal.SIGKILL)
        stage.bridge.start()
    print(f"caught up {stage.check(publisher):.1f} s after the last acknowledgement")
