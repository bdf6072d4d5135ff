"""Without Redis the viewers hear nothing; what devices send is stored all the same."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.stage import Prepared, Stage, eventually

MESSAGES = 8_000
PER_SECOND = 1_000
STEP = 1_000
STALLED_S = 20
"""A bridge that waited for Redis would store nothing for as long as it is away."""

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_ingest_goes_on_without_redis(tmp_path: Path, prepared: Prepared, fault: str) -> None:
    with Stage(tmp_path, prepared) as stage:
        publisher = stage.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(STEP)
        if fault == "killed":
            stage.redis.stop(signal.SIGKILL)
        else:
            stage.redis.freeze()
        try:
            begun = len(stage.stored())
            took_s = eventually(lambda: len(stage.stored()) >= begun + 2 * STEP, STALLED_S)
            assert took_s is not None, stage.bridge.output
        finally:
            stage.redis.start() if fault == "killed" else stage.redis.thaw()
        print(f"{2 * STEP} messages stored in {took_s:.1f} s without Redis")
        stage.check(publisher)
