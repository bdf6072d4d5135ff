"""Mosquitto confines each device to its own topics and its own session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bridges.mosquitto.exported import WAIT_S, Client, Exported
from tests.support.eventually import eventually
from tests.support.ports import free_port


@pytest.mark.parametrize(
    "topic_filter", ["#", "+/+", "+/#", "$SYS/#", "devices/#", "devices/+/telemetry", "devices/valve/#"]
)
def test_a_device_receives_nothing_of_others(shared_broker: Exported, topic_filter: str) -> None:
    bridge, pump, valve = (
        Client(shared_broker.port, name, shared_broker.secrets[name]) for name in ("bridge", "pump", "valve")
    )
    for client in (bridge, pump, valve):
        assert client.connect()
    valve.publish("devices/valve/status", b"online", retain=True)
    pump.subscribe(topic_filter)
    pump.subscribe("devices/pump/commands/+")
    valve.publish("devices/valve/telemetry")
    bridge.publish("devices/valve/commands/1")
    bridge.publish("devices/pump/commands/last")
    eventually(lambda: "devices/pump/commands/last" in pump.topics)
    assert [topic for topic in pump.topics if not topic.startswith("devices/pump/")] == []
    for client in (bridge, pump, valve):
        client.close()


def test_a_device_cannot_publish_for_others(broker: Exported) -> None:
    bridge, valve = (Client(broker.port, name, broker.secrets[name]) for name in ("bridge", "valve"))
    for client in (bridge, valve):
        assert client.connect()
    bridge.subscribe("devices/#")
    valve.subscribe("devices/valve/#")
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    pump.mqtt.will_set("devices/valve/status", b"offline", 1, retain=True)
    if pump.connect():
        for topic in ("devices/valve/telemetry", "devices/valve/commands/1", "elsewhere"):
            pump.publish(topic)
        pump.publish("devices/valve/status", b"forged", retain=True)
        pump.mqtt.socket().shutdown(2)  # without DISCONNECT: its will is due
        assert pump.gone.wait(WAIT_S)
    own = Client(broker.port, "pump", broker.secrets["pump"], client_id="pump-2")
    assert own.connect()
    own.publish("devices/pump/telemetry")
    eventually(lambda: "devices/pump/telemetry" in bridge.topics)
    assert (bridge.topics, valve.topics) == (["devices/pump/telemetry"], [])
    late = Client(broker.port, "bridge", broker.secrets["bridge"], client_id="late")
    assert late.connect()
    late.subscribe("devices/#")
    own.publish("devices/pump/attributes")
    eventually(lambda: "devices/pump/attributes" in late.topics)
    assert late.topics == ["devices/pump/attributes"]
    for client in (bridge, valve, own, late):
        client.close()


def test_with_a_listener_of_its_own_the_bridge_keeps_its_session(export: Callable[..., Exported]) -> None:
    bridge_port = free_port()
    broker = export(f"--bridge-listener=127.0.0.1:{bridge_port}")
    bridge = Client(bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge", clean_session=False)
    second = Client(bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge-out")
    pump = Client(broker.port, "pump", broker.secrets["pump"], client_id="hubbub-bridge")
    for client in (bridge, second, pump):
        assert client.connect()
    bridge.subscribe("devices/#")
    pump.publish("devices/pump/telemetry")
    eventually(lambda: "devices/pump/telemetry" in bridge.topics)
    assert not bridge.gone.is_set()
    for client in (bridge, second, pump):
        client.close()
