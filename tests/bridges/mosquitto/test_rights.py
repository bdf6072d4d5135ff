"""Mosquitto confines each device to its own topics and its own session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bridges.mosquitto.exported import WAIT_S, Client, Exported
from tests.support.eventually import eventually


@pytest.mark.parametrize(
    "topic_filter", ["#", "+/+", "+/#", "$SYS/#", "devices/#", "devices/+/telemetry", "devices/valve/#"]
)
def test_a_device_receives_nothing_of_others(shared_broker: Exported, topic_filter: str) -> None:
    bridge, pump, valve = (
        Client(shared_broker.port_of(name), name, shared_broker.secrets[name]) for name in ("bridge", "pump", "valve")
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
    bridge, valve = (Client(broker.port_of(name), name, broker.secrets[name]) for name in ("bridge", "valve"))
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
    late = Client(broker.bridge_port, "bridge", broker.secrets["bridge"], client_id="late")
    assert late.connect()
    late.subscribe("devices/#")
    own.publish("devices/pump/attributes")
    eventually(lambda: "devices/pump/attributes" in late.topics)
    assert late.topics == ["devices/pump/attributes"]
    for client in (bridge, valve, own, late):
        client.close()


def test_a_device_with_the_client_id_of_a_bridge_leaves_its_session_alone(broker: Exported) -> None:
    bridge = Client(broker.bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge", clean_session=False)
    second = Client(broker.bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge-out")
    pump = Client(broker.port, "pump", broker.secrets["pump"], client_id="hubbub-bridge")
    for client in (bridge, second, pump):
        assert client.connect()
    bridge.subscribe("devices/#")
    pump.publish("devices/pump/telemetry")
    eventually(lambda: "devices/pump/telemetry" in bridge.topics)
    assert not bridge.gone.is_set()
    for client in (bridge, second, pump):
        client.close()


@pytest.mark.parametrize("clean", [True, False])
def test_a_device_with_the_client_id_of_another_one_takes_no_session_and_no_commands(
    broker: Exported, clean: bool
) -> None:
    def connect(uid: str, client_id: str, *, clean_session: bool = False) -> Client:
        made = Client(broker.port, uid, broker.secrets[uid], client_id=client_id, clean_session=clean_session)
        assert made.connect()
        return made

    bridge = Client(broker.bridge_port, "bridge", "bridge-secret")
    assert bridge.connect()
    bridge.subscribe("devices/+/telemetry")
    pump = connect("pump", "pump-client")
    pump.subscribe("devices/pump/commands/+")
    for client_id in ("pump-client", "pump"):  # what it sends, and what Mosquitto knows it by
        thief = connect("valve", client_id, clean_session=clean)
        thief.publish("devices/valve/telemetry", client_id.encode())
        eventually(lambda each=client_id: each.encode() in bridge.payloads)  # type: ignore[misc]
        assert not pump.gone.is_set()
        thief.close()
    pump.close()
    bridge.publish("devices/pump/commands/waits")
    thief = connect("valve", "pump-client", clean_session=clean)
    thief.subscribe("devices/valve/commands/+")
    bridge.publish("devices/valve/commands/own")
    eventually(lambda: "devices/valve/commands/own" in thief.topics)
    assert thief.topics == ["devices/valve/commands/own"]
    thief.close()
    pump = connect("pump", "pump-client")
    eventually(lambda: "devices/pump/commands/waits" in pump.topics)
    for client in (pump, bridge):
        client.close()


def test_with_one_listener_for_all_client_ids_are_accepted_as_they_are(export: Callable[..., Exported]) -> None:
    broker = export("--shared-listener")
    sessions = [Client(broker.port, "bridge", "bridge-secret", client_id=f"hubbub-bridge{n}") for n in range(2)]
    for session in sessions:
        assert session.connect()
        session.subscribe("devices/#")
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    assert pump.connect()
    pump.publish("devices/pump/telemetry")
    for session in sessions:
        eventually(lambda each=session: "devices/pump/telemetry" in each.topics)  # type: ignore[misc]
    for client in (pump, *sessions):
        client.close()
