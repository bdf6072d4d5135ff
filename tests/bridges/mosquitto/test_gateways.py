"""A gateway at Mosquitto, with the exported rights."""

from __future__ import annotations

from collections.abc import Callable

from devices.models import Space
from devices.rooms import provisioning
from tests.bridges.mosquitto.exported import Client, Exported, signs_in
from tests.support.eventually import eventually


def test_a_gateway_speaks_for_its_children_and_nobody_else(export: Callable[..., Exported]) -> None:
    broker = export()
    broker.exporter.start()
    secret = broker.records.run(_create_gateway, "roof")
    eventually(lambda: signs_in(broker, "roof", secret))
    bridge = Client(broker.bridge_port, "bridge", broker.secrets["bridge"])
    roof, pump = Client(broker.port, "roof", secret), Client(broker.port, "pump", broker.secrets["pump"])
    for client in (bridge, roof, pump):
        assert client.connect()
    bridge.subscribe("gateways/#")
    roof.subscribe("gateways/roof/+/commands/+")
    pump.subscribe("gateways/#")
    pump.publish("gateways/pump/soil-3/telemetry")
    pump.publish("gateways/roof/soil-3/telemetry")
    for kind in ("telemetry", "status", "attributes", "answers/c1", "commands/c1", "other"):
        roof.publish(f"gateways/roof/soil-3/{kind}")
    roof.publish("gateways/cellar/soil-3/telemetry")
    roof.publish("gateways/roof/last/telemetry")
    eventually(lambda: "gateways/roof/last/telemetry" in bridge.topics)
    kinds = ("telemetry", "status", "attributes", "answers/c1")
    assert bridge.topics == [*(f"gateways/roof/soil-3/{kind}" for kind in kinds), "gateways/roof/last/telemetry"]
    bridge.publish("gateways/cellar/soil-3/commands/c1")
    bridge.publish("gateways/roof/soil-3/commands/c1")
    eventually(lambda: bool(roof.topics))
    assert roof.topics == ["gateways/roof/soil-3/commands/c1"]
    assert pump.topics == []
    for client in (bridge, roof, pump):
        client.close()


def _create_gateway(uid: str) -> str:
    return provisioning.create_device(uid, Space.objects.get(slug="garden"), is_gateway=True)[1]
