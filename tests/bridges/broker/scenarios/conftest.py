from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridges.mqtt.packets import Version
from tests.bridges.broker.clients import RunningBroker
from tests.bridges.broker.scenarios.wire import MakeWire, Wire


@pytest.fixture
def version() -> Version:
    """A test for several versions is parametrized with it."""
    return Version.V5


@pytest.fixture
def wire(broker: RunningBroker, version: Version) -> Iterator[MakeWire]:
    """Makes connections: `wire()`, or `wire("pump")` for one that is signed in."""
    made: list[Wire] = []

    def make(name: str | None = None, client_id: str = "wire", **fields: object) -> Wire:
        made.append(Wire(broker.port, version))
        if name is not None:
            assert not made[-1].connect(name, client_id, **fields).reason_code.is_failure
        return made[-1]

    yield make
    for each in made:
        each.sock.close()
