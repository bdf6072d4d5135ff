from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridges.simulator.credentials import Credentials
from devices.runtime.credentials import hash_secret
from tests.bridges.simulator.watcher import Watcher
from tests.support.servers import Mosquitto


@pytest.fixture
def fleet() -> list[Credentials]:
    return [Credentials(uid, f"secret-of-{uid}") for uid in ("pump-1", "tank-1", "meter-1")]


@pytest.fixture
def broker(tmp_path: Path, fleet: list[Credentials]) -> Iterator[Mosquitto]:
    """A running Mosquitto with an account for each device."""
    accounts = {entry.uid: hash_secret(entry.secret) for entry in fleet} | {"bridge": hash_secret("b")}
    mosquitto = Mosquitto(tmp_path, accounts)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
async def watcher(broker: Mosquitto) -> AsyncIterator[Watcher]:
    async with Watcher(broker).watching() as watcher:
        yield watcher
