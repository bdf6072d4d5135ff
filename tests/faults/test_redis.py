"""Without Redis, viewers receive nothing, but what devices send is still stored."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.soak import usually
from tests.support.stack import Stack

MESSAGES = usually(4_000, soak=8_000)
PER_SECOND = 1_000
STEP = usually(500, soak=1_000)
STALLED_S = 20
"""A bridge that waited for Redis would store nothing until Redis is back."""

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_ingest_goes_on_without_redis(tmp_path: Path, fault: str) -> None:
    with Stack(tmp_path) as stack:
        publisher = stack.publisher(MESSAGES, per_second=PER_SECOND)
        publisher.wait_until_sent(STEP)
        if fault == "killed":
            stack.redis.stop(signal.SIGKILL)
        else:
            stack.redis.freeze()
        try:
            before = len(stack.stored())
            took_s = eventually(lambda: len(stack.stored()) >= before + 2 * STEP, STALLED_S)
        finally:
            stack.redis.start() if fault == "killed" else stack.redis.thaw()
        print(f"{2 * STEP} messages stored in {took_s:.1f} s without Redis")
        stack.check(publisher)
