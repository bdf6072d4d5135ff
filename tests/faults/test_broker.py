"""The bridge reconnects to a broker that was stopped, which has kept what its configuration promises to keep."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridges.mosquitto.conf import SavePolicy
from tests.support.eventually import WAIT_S
from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = usually(1_500, soak=2_500)
PER_SECOND = 500
"""A rate that suits `SavePolicy.CHANGES` (docs/deployment/mosquitto.md)."""
UNSAVED_S = {SavePolicy.CHANGES: 1.0, SavePolicy.SECONDS: 3.0}
"""What a killed Mosquitto may lose: a round of its loop, or two seconds, each with some room for a slow machine."""

pytestmark = pytest.mark.timeout(240)


def test_the_bridge_reconnects_to_a_restarted_broker_and_loses_nothing(stack: Stack) -> None:
    """A Mosquitto that is stopped properly saves its state; the device repeats what was not acknowledged."""
    publisher = stack.publisher(2 * MESSAGES)
    publisher.wait_until_sent(MESSAGES)
    stack.mosquitto.stop()
    stack.mosquitto.start()
    stack.check(publisher)


def test_a_killed_broker_loses_nothing_it_has_acknowledged(tmp_path: Path) -> None:
    with _saving(SavePolicy.CHANGES, tmp_path) as stack:
        publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(MESSAGES // 2)
        print(f"bridge back {_kill_and_start_broker(stack):.1f} s after the broker")
        stack.check(publisher)


@pytest.mark.parametrize("save", SavePolicy)
def test_a_broker_killed_without_a_bridge_loses_only_what_it_had_not_saved(tmp_path: Path, save: SavePolicy) -> None:
    """The bridge is stopped, so that what the broker loses exists nowhere else."""
    with _saving(save, tmp_path) as stack:
        stack.bridge.stop()
        publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(MESSAGES // 2)
        since = time.monotonic() - UNSAVED_S[save]
        stack.mosquitto.kill()
        assert publisher.disconnected.wait(WAIT_S)
        at_stake = {(publisher.uid, i) for i, at in publisher.acknowledged.items() if since < at}
        stack.mosquitto.start()
        stack.bridge.start()
        publisher.join()
        assert publisher.done
        stack.wait_until_stored(publisher.numbers - at_stake)
        lost = publisher.numbers - set(stack.stored())
        print(f"lost {len(lost)} of {len(at_stake)} acknowledged in the last {UNSAVED_S[save]} s")


def _saving(save: SavePolicy, folder: Path) -> Stack:
    stack = Stack(folder)
    stack.mosquitto.save = save
    return stack


def _kill_and_start_broker(stack: Stack) -> float:
    """Returns the seconds until the bridge has reconnected to it."""
    seen = len(stack.bridge.output)
    stack.mosquitto.kill()
    stack.mosquitto.start()
    back_at = time.monotonic()
    stack.bridge.wait_for(stack.bridge.READY, seen, WAIT_S)
    return time.monotonic() - back_at
