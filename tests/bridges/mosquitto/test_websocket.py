"""MQTT over WebSocket, also where it ends at the listener of the bridges, which believes any client id."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks.load import mqtt
from bridges.websocket.application import MqttOverWebSocket
from tests.bridges.mosquitto.exported import Client, Exported
from tests.bridges.websocket import test_application
from tests.support.eventually import eventually_async


@pytest.mark.parametrize("listener", ["devices", "bridges"])
async def test_a_device_cannot_take_over_the_session_of_another_one(
    broker: Exported, settings: Any, listener: str
) -> None:
    settings.BROKERS = {"main": f"mqtt://bridge:{broker.secrets['bridge']}@127.0.0.1:{broker.bridge_port}"}
    settings.MQTT_WEBSOCKET_URL = f"mqtt://127.0.0.1:{broker.port}" if listener == "devices" else None
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    assert await asyncio.to_thread(pump.connect)
    valve = test_application.Client(MqttOverWebSocket(lambda _: True))
    await valve.accepted()
    valve.send(mqtt.connect("pump", "valve", broker.secrets["valve"]))
    assert (await valve.next())["bytes"][:4] == b"\x20\x02\x00\x00"
    pump.subscribe("devices/pump/telemetry")
    pump.publish("devices/pump/telemetry")
    await eventually_async(lambda: pump.gone.is_set() or pump.topics)
    assert not pump.gone.is_set()
    pump.close()
    valve.leave()
    await valve.end()
