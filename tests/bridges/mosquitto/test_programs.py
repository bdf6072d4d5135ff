"""Programs that sign in at Mosquitto with the username and an API token of a person."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from bridges.mosquitto.accounts import BridgeAccount, acl, password_file
from bridges.mosquitto.programs import NAMES_SHOWN, programs
from devices.models import Member, Space
from devices.rooms import bots, provisioning
from devices.spaces import members, people, tokens
from devices.spaces.login import Login
from devices.values import Role
from tests.bridges.mosquitto.exported import Client, Exported, signs_in
from tests.support.eventually import eventually

WATCHED = {1: frozenset({"pump", "far"})}
SERVED, UIDS = {"pump", "valve"}, {"pump", "valve", "far"}


def test_a_program_may_read_what_the_devices_of_its_person_report() -> None:
    found = programs([Login(1, "carol", "$7$1"), Login(2, "mallory", "$7$2")], WATCHED, SERVED, UIDS, "bridge")
    assert password_file(BridgeAccount("bridge", "$7$"), {}, found.accepted) == "bridge:$7$\ncarol:$7$1\n"
    assert acl("bridge", found.accepted).split("\n\n") == [
        "user bridge\ntopic readwrite devices/#\ntopic readwrite gateways/#\ntopic write homeassistant/device/#",
        "user carol\ntopic deny devices/carol/#\ntopic read devices/pump/telemetry\ntopic read devices/pump/status\n"
        "topic read devices/pump/attributes\ntopic read devices/pump/answers/#\n"
        "topic read homeassistant/device/pump/#",
        "pattern readwrite devices/%u/#\n",
    ]


@pytest.mark.parametrize(
    ("username", "hashed", "reason"),
    [
        ("bridge", "$7$", "the name of the bridge"),
        ("far", "$7$", "also the uid of a device"),
        ("a:b", "$7$", "cannot hold"),
        ("pump/telemetry", "$7$", "cannot hold"),
        ("a+b", "$7$", "cannot hold"),
        ("#", "$7$", "cannot hold"),
        ("a\nuser b", "$7$", "cannot hold"),
        ("a\u2028b", "$7$", "cannot hold"),
        ("carol", "", "only older tokens"),
    ],
)
def test_a_person_who_cannot_have_an_account_is_named(username: str, hashed: str, reason: str) -> None:
    found = programs([Login(1, username, hashed)], WATCHED, SERVED, UIDS, "bridge")
    assert found.accepted == []
    assert reason in found.excluded[username]
    assert repr(username) in found.exclusions()


def test_the_line_about_them_is_bounded() -> None:
    logins = [Login(1, f"person-{n:03}", "") for n in range(NAMES_SHOWN + 5)]
    line = programs(logins, WATCHED, SERVED, UIDS, "bridge").exclusions()
    assert line.count("person-") == NAMES_SHOWN
    assert line.endswith("5 more")


def test_at_a_real_mosquitto_programs_see_their_own_devices_and_publish_nothing(broker: Exported) -> None:
    viewer = broker.records.run(_bot, "viewer")
    stranger = broker.records.run(lambda: tokens.create(people.create_person("mallory", None)))
    broker.records.run(_cellar)
    broker.exporter.start()
    bridge = Client(broker.bridge_port, "bridge", "bridge-secret")
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    far = Client(broker.port, "far", broker.secrets.setdefault("far", broker.records.run(_far)))
    eventually(lambda: signs_in(broker, "far", broker.secrets["far"]))
    program = Client(broker.port, "viewer", viewer)
    for client in (bridge, pump, far, program):
        assert client.connect()
    bridge.subscribe("#")
    program.subscribe("#")
    for own in (pump, far):
        uid = own.mqtt.username if isinstance(own.mqtt.username, str) else ""
        for kind in ("telemetry", "status", "attributes", "answers/1", "other"):
            own.publish(f"devices/{uid}/{kind}")
    bridge.publish("devices/pump/commands/1")
    for topic in ("devices/viewer/telemetry", "devices/pump/telemetry", "devices/pump/commands/2", "devices/pump/set"):
        program.publish(topic, b"forged")
    pump.publish("devices/pump/answers/last")
    eventually(lambda: "devices/pump/answers/last" in program.topics)
    expected = ["telemetry", "status", "attributes", "answers/1", "answers/last"]
    assert program.topics == [f"devices/pump/{kind}" for kind in expected]
    assert b"forged" not in bridge.payloads
    assert not signs_in(broker, "mallory", stranger)
    broker.records.run(lambda: members.remove(Space.objects.get(slug="garden"), User.objects.get(username="viewer")))
    assert program.gone.wait(8)
    assert not signs_in(broker, "viewer", viewer)
    for client in (bridge, pump, far):
        client.close()


def _bot(username: str) -> str:
    return bots.create_bot(username, Space.objects.get(slug="garden"), Role.OPERATOR)


def _cellar() -> None:
    Space.objects.create(slug="cellar", name="Cellar")
    assert not Member.objects.filter(space__slug="cellar").exists()


def _far() -> str:
    return provisioning.create_device("far", Space.objects.get(slug="cellar"))[1]
