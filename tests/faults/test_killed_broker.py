"""The embedded broker killed while messages wait in the session of a client that is offline."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from bridges.mqtt.packets import Version
from tests.bridges.broker.scenarios.wire import Wire
from tests.support.data_folder import Credentials
from tests.support.hub import RunningHub

COUNT, RATE = 300, 100
"""Messages, and how many a second. A session keeps up to 500."""
LOST_S = 2.0
"""Twice what docs/protocol/mqtt.md names: the machine may be busy."""


def connect(hub: RunningHub, device: Credentials, client_id: str, **fields: object) -> Wire:
    wire = Wire(hub.mqtt_port, Version.V5)
    answer = wire.connect(device.uid, client_id, password=device.secret.encode(), **fields)
    assert not answer.reason_code.is_failure
    return wire


def test_what_was_acknowledged_a_second_before_is_kept(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    hub.start()
    device = hub.create_device("pump")
    topic = "devices/pump/custom"
    away = connect(hub, device, "away", clean_start=False)
    away.subscribe(topic, qos=1)
    away.disconnect()
    writer = connect(hub, device, "writer")
    acknowledged: dict[int, float] = {}
    killer = threading.Timer(COUNT / RATE * 0.8, hub.kill)
    killer.start()
    begin = time.monotonic()
    try:
        for number in range(COUNT):
            writer.publish(topic, b"%d" % number, 1)
            acknowledged[number] = time.monotonic()
            time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
    except (AssertionError, OSError):
        pass  # it was killed
    killed_at = time.monotonic()
    killer.join()
    hub.start()
    back = connect(hub, device, "away", clean_start=False)
    kept: list[int] = []
    writer = connect(hub, device, "writer")
    writer.publish(topic, b"-1", 1)
    while (number := int(back.message().payload)) >= 0:
        kept.append(number)
    hub.stop()
    lost = acknowledged.keys() - set(kept)
    assert len(acknowledged) > COUNT // 2
    assert len(kept) == len(set(kept))
    oldest_lost_s = max((killed_at - acknowledged[number] for number in lost), default=0.0)
    print(f"{len(acknowledged)} acknowledged, {len(lost)} lost, the oldest {oldest_lost_s:.2f} s before the kill")
    assert oldest_lost_s <= LOST_S
