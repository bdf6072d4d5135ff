"""A device that floods the hub with large messages, far below its limit of messages, costs others nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridges.broker.clients import RawClient, connect_packet, publish_packet
from tests.support.data_folder import Credentials
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.stack import Stack

FLOOD, METRICS, TIMES = 600, 480, 6
"""Messages, and what each holds: 21 MiB and 1.7 million values in all, where 600 messages a second are allowed."""
MESSAGES = 50
SOON_S = 10.0

pytestmark = pytest.mark.timeout(180)


class FloodedStack(Stack):
    """One hub with its own broker and the limits as they are by default."""

    def __init__(self, folder: Path) -> None:
        self.hub = RunningHub(folder)
        self.devices = self.hub.records.create_devices("loud", "quiet")
        self.data, self.settings = folder / "data", {}

    @property
    def servers(self) -> list[RunningHub]:  # type: ignore[override]
        return [self.hub]

    def connect(self, device: Credentials) -> RawClient:
        client = RawClient(self.hub.mqtt_port)
        client.send(connect_packet(device.uid, client_id=device.uid, password=device.secret))
        assert client.receive(4) == b"\x20\x02\x00\x00"
        return client


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[FloodedStack]:
    with FloodedStack(tmp_path) as found:
        yield found


def large_message(number: int) -> bytes:
    start = time.time_ns() // 1_000_000 - FLOOD * TIMES + number * TIMES
    values = ",".join(f'"m{i}":7.5' for i in range(METRICS))
    items = ",".join(f'{{"ts":{start + i},"values":{{{values}}}}}' for i in range(TIMES))
    return publish_packet("devices/loud/telemetry", f"[{items}]".encode())


def test_what_a_device_sends_beside_a_flood_is_stored_soon_and_completely(stack: FloodedStack) -> None:
    loud, quiet = map(stack.connect, stack.devices)
    for number in range(FLOOD):
        loud.send(large_message(number))
    for number in range(MESSAGES):
        quiet.send(publish_packet("devices/quiet/telemetry", b'{"count":%d}' % number))  # QoS 0
    took_s = eventually(lambda: len(stack.stored_of("quiet")) == MESSAGES, SOON_S)
    print(f"stored {took_s:.2f} s after the last message")
    assert stack.stored_of("quiet") == list(range(MESSAGES))
    loud.end()
    quiet.end()
    assert stack.hub.stop() == 0  # it does not store the flood first
