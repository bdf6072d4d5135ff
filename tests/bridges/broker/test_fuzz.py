"""Bytes near to packets never bring about an error in the broker itself, in any version."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridges.broker import Limits
from bridges.mqtt.packets import ConnectPacket, Version, codec
from tests.bridges.broker.clients import SECRET, RunningBroker
from tests.bridges.mqtt.packets.test_codecs import any_packet

# mqtt5 panics on a text that is not UTF-8, and leaves the error behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Sunk(asyncio.Transport):
    """Takes everything that is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.protocol: Any = None

    def write(self, data: Any) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self.abort)

    def abort(self) -> None:
        if not self.protocol.closed.done():
            self.protocol.connection_lost(None)


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    running = RunningBroker(Limits())
    yield running
    running.end()


def login(version: Version) -> bytes:
    connect = ConnectPacket(
        version=version, client_id="fuzz", username="bridge", password=SECRET.encode(), topic_alias_maximum=5
    )
    return codec(version).write(connect)


async def receive(broker: RunningBroker, version: Version, data: bytes) -> None:
    connection, transport = broker.broker.new_connection(), Sunk()
    transport.protocol = connection
    connection.connection_made(transport)
    connection.data_received(login(version))
    assert connection._login is not None
    await connection._login
    assert connection.session is not None
    connection.data_received(data)
    for _ in range(3):
        await asyncio.sleep(0)
    transport.abort()


@st.composite
def damaged(draw: st.DrawFn, version: Version) -> bytes:
    packets = draw(st.lists(any_packet(version), min_size=1, max_size=4))
    written = bytearray(b"".join(map(codec(version).write, packets)))
    for place in draw(st.lists(st.integers(0, len(written)), max_size=3)):
        written[place : place + 1] = draw(st.binary(max_size=2))
    return bytes(written)


@pytest.mark.parametrize("version", list(Version), ids=lambda version: f"MQTT {version.label}")
@given(data=st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_packets_and_what_is_near_to_them(broker: RunningBroker, version: Version, data: st.DataObject) -> None:
    broker.run(receive(broker, version, data.draw(damaged(version))))
    assert broker.stats["closed.internal_error"] == 0
    assert broker.stats["connections"] == 0
