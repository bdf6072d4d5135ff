"""Logins of sources at Mosquitto, with the exported rights; and lines that an owner adds to the exported files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridges.mosquitto import own_lines
from bridges.sources import adding
from devices.models import Space
from devices.registry.sources import sources
from tests.bridges.mosquitto.exported import Client, Exported, signs_in
from tests.support.eventually import eventually


def _add(convention: str) -> tuple[str, str]:
    source = adding.add(Space.objects.get(slug="garden"), "", convention)
    login, secret = sources.create_login(source)
    return login.username, secret


def test_a_login_of_a_source_may_use_its_topics_only(export: Callable[..., Exported]) -> None:
    broker = export()
    broker.exporter.start()
    username, secret = broker.records.run(_add, "tasmota")
    eventually(lambda: signs_in(broker, username, secret))
    bridge = Client(broker.bridge_port, "bridge", broker.secrets["bridge"])
    house, pump = Client(broker.port, username, secret), Client(broker.port, "pump", broker.secrets["pump"])
    for client in (bridge, house, pump):
        assert client.connect()
    bridge.subscribe("tele/#")
    bridge.subscribe("devices/#")
    house.subscribe("#")
    pump.subscribe("tele/#")
    for topic in ("devices/pump/telemetry", f"devices/{username}/telemetry", "zigbee2mqtt/lamp", "tele/plug/STATE"):
        house.publish(topic)
    pump.publish("tele/other/STATE")
    house.publish("tele/last/STATE")
    eventually(lambda: "tele/last/STATE" in bridge.topics)
    assert bridge.topics == ["tele/plug/STATE", "tele/last/STATE"]
    house.topics.clear()
    bridge.publish("devices/pump/commands/c1")
    bridge.publish("cmnd/plug/POWER")
    eventually(lambda: "cmnd/plug/POWER" in house.topics)
    assert house.topics == ["cmnd/plug/POWER"]
    assert pump.topics == []
    for client in (bridge, house, pump):
        client.close()


def test_lines_that_the_owner_added_stay(export: Callable[..., Exported]) -> None:
    broker = export()
    broker.exporter.start()
    added = {broker.paths.acl: "user anna\ntopic readwrite anna/#\n", broker.paths.passwords: "anna:$7$101$x$y\n"}
    for path, text in added.items():
        path.write_text(path.read_text() + text)
    username, _ = broker.records.run(_add, "owntracks")
    eventually(lambda: username in broker.paths.passwords.read_text())
    for path, text in added.items():
        assert path.read_text().endswith(text)
        assert path.read_text().count(own_lines.BEGINNING) == 1
    secret = broker.create("new")
    eventually(lambda: signs_in(broker, "new", secret))


@pytest.mark.parametrize(
    ("present", "kept"),
    [
        ("", ("", "")),
        ("all of an earlier version\n", ("", "")),
        (f"mine\n{own_lines.BEGINNING}\nold\n{own_lines.END}\nalso mine\n", ("mine\n", "also mine\n")),
        (f"mine\n{own_lines.BEGINNING}\nold and cut", ("", "")),
    ],
)
def test_our_lines_are_replaced_and_others_kept(present: str, kept: tuple[str, str]) -> None:
    before, after = kept
    assert own_lines.merged("new\n", present) == f"{before}{own_lines.BEGINNING}\nnew\n{own_lines.END}\n{after}"


def test_a_device_of_the_same_name_does_not_get_the_topics_of_a_source(export: Callable[..., Exported]) -> None:
    broker = export()
    broker.exporter.start()
    username, _ = broker.records.run(_add, "tasmota")
    eventually(lambda: f"user {username}\n" in broker.paths.acl.read_text())
    broker.create(username)
    eventually(lambda: f"user {username}\n" not in broker.paths.acl.read_text())
    assert broker.paths.passwords.read_text().count(f"{username}:") == 1
