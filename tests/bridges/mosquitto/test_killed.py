"""A Mosquitto that is killed keeps what it has acknowledged."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from bridges.mosquitto.conf import SavePolicy
from tests.bridges.mosquitto.exported import WAIT_S, Client, Exported
from tests.support.eventually import eventually


@pytest.mark.parametrize(("save", "promised_s"), [(SavePolicy.CHANGES, 1.0), (SavePolicy.SECONDS, 3.0)])
def test_of_1000_acknowledged_messages_none_is_lost(
    export: Callable[..., Exported], save: SavePolicy, promised_s: float
) -> None:
    broker = export(f"--save={save.value}")
    bridge = Client(broker.bridge_port, "bridge", "bridge-secret", clean_session=False)
    assert bridge.connect()
    bridge.subscribe("devices/+/telemetry")
    bridge.close()
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    assert pump.connect()
    sent = {str(i).encode() for i in range(1000)}
    for info in [pump.mqtt.publish("devices/pump/telemetry", each, 1) for each in sent]:
        info.wait_for_publish(WAIT_S)
        assert info.is_published()
    time.sleep(promised_s)  # after the last acknowledgement: Mosquitto does not report when it saves
    broker.stop(signal.SIGKILL)
    broker.start()
    bridge = Client(broker.bridge_port, "bridge", "bridge-secret", clean_session=False)
    assert bridge.connect()
    eventually(lambda: bridge.payloads == sent)
    bridge.close()
