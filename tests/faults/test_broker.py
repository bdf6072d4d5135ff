"""A broker that goes away is found again, and keeps what it has acknowledged as far as its configuration says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridges.mosquitto.conf import SavePolicy
from tests.faults.stage import CATCH_UP_S, Prepared, Stage

MESSAGES = 2_500
PER_SECOND = 500
"""What suits `SavePolicy.CHANGES` (docs/deployment.md)."""
UNSAVED_S = {SavePolicy.CHANGES: 1.0, SavePolicy.SECONDS: 3.0}
"""What a killed Mosquitto may lose: a round of its loop, or two seconds. Each with room for a slow machine."""

pytestmark = pytest.mark.timeout(240)


def test_a_broker_that_is_restarted_is_found_again_and_nothing_is_lost(stage: Stage) -> None:
    """Stopped in order, Mosquitto writes its state down; the device repeats what was not acknowledged."""
    publisher = stage.publisher(10_000)
    publisher.wait_until_sent(5_000)
    stage.mosquitto.stop()
    stage.mosquitto.start()
    stage.check(publisher)


def test_a_broker_that_is_killed_loses_nothing_it_has_acknowledged(tmp_path: Path, prepared: Prepared) -> None:
    with _saving(SavePolicy.CHANGES, tmp_path, prepared) as stage:
        publisher = stage.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(MESSAGES // 2)
        print(f"bridge back {_kill_and_start_broker(stage):.1f} s after the broker")
        stage.check(publisher)


@pytest.mark.parametrize("save", SavePolicy)
def test_a_broker_killed_while_the_bridge_is_away_loses_at_most_what_it_had_not_saved(
    tmp_path: Path, prepared: Prepared, save: SavePolicy
) -> None:
    """The bridge is away, so that what the broker forgets is nowhere else."""
    with _saving(save, tmp_path, prepared) as stage:
        stage.bridge.stop()
        publisher = stage.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(MESSAGES // 2)
        stage.mosquitto.kill()
        killed_at = time.monotonic()
        stage.mosquitto.start()
        stage.bridge.start()
        publisher.join()
        assert publisher.done
        since = killed_at - UNSAVED_S[save]
        at_stake = {(publisher.uid, i) for i, at in publisher.acknowledged.items() if since < at <= killed_at}
        assert stage.wait_until_stored(publisher.numbers - at_stake) is not None
        lost = publisher.numbers - set(stage.stored())
        print(f"lost {len(lost)} of {len(at_stake)} acknowledged in the last {UNSAVED_S[save]} s")


def _saving(save: SavePolicy, folder: Path, prepared: Prepared) -> Stage:
    stage = Stage(folder, prepared)
    stage.mosquitto.save = save
    return stage


def _kill_and_start_broker(stage: Stage) -> float:
    """Returns the seconds until the bridge has found it again."""
    seen = len(stage.bridge.output)
    stage.mosquitto.kill()
    stage.mosquitto.start()
    back_at = time.monotonic()
    stage.bridge.wait_for(stage.bridge.READY, seen, CATCH_UP_S)
    return time.monotonic() - back_at
