from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device, Member, Space
from devices.refusals.store import RefusalRecord, record
from devices.rooms import provisioning
from devices.values import Role
from tests.dashboards.pages.conftest import ClientOf, data, store


def test_it_shows_the_devices_of_ones_spaces_and_their_values(client_of: ClientOf, carol: User, pump: Device) -> None:
    store(pump, flow=12.5, on=True)
    page = client_of(carol).get("/")
    assert b"Irrigation pump" in page.content
    assert b'href="/devices/pump-1/"' in page.content
    latest = data(page, "snapshots")["pump-1"]["latest"]
    assert {name: value for name, (_, value) in latest.items()} == {"flow": 12.5, "on": True}


@pytest.mark.parametrize("path", ["/", "/fleet-status/"])
def test_it_shows_no_device_of_a_foreign_space(
    client_of: ClientOf, alice: User, pump: Device, foreign_pump: Device, path: str
) -> None:
    answer = client_of(alice).get(path)
    assert b"pump-1" in answer.content
    assert b"oreign" not in answer.content


@pytest.mark.parametrize("path", ["/", "/fleet-status/"])
def test_it_says_of_no_device_of_a_foreign_space_why_nothing_is_stored(
    client_of: ClientOf, alice: User, pump: Device, foreign_pump: Device, path: str
) -> None:
    for device in (pump, foreign_pump):
        record([RefusalRecord(device.uid, "telemetry", "not_finite", "", b"", 0, 1, 1, f"value of {device.uid}")])
    answer = client_of(alice).get(path)
    assert b"value of pump-1" in answer.content
    assert f"value of {foreign_pump.uid}".encode() not in answer.content


@pytest.mark.parametrize("path", ["/", "/fleet-status/"])
def test_it_requires_a_login(client: Client, pump: Device, path: str) -> None:
    assert client.get(path).status_code == 302


def test_it_refers_a_person_without_a_space_to_a_manager(client_of: ClientOf, mallory: User, pump: Device) -> None:
    page = client_of(mallory).get("/").content
    assert b"not a member of any space" in page
    assert b"pump-1" not in page


def test_it_shows_a_manager_how_to_connect_the_first_device(client_of: ClientOf, alice: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.MQTT_PORT = 18830
    page = client_of(alice).get("/", HTTP_HOST="localhost").content.decode()
    assert "mosquitto_pub -h localhost -p 18830 -u UID -P SECRET" in page
    assert "/add-device/" in page


def test_it_never_shows_the_bridges_own_login_at_the_broker(client_of: ClientOf, alice: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.BROKERS = {"main": "mqtts://bridge:hunter2@broker.example"}
    page = client_of(alice).get("/").content.decode()
    assert "-h broker.example -p 8883" in page
    assert "hunter2" not in page


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_it_offers_adding_only_to_managers(client_of: ClientOf, request: pytest.FixtureRequest, name: str) -> None:
    page = client_of(request.getfixturevalue(name)).get("/").content
    assert b"/add-device/" not in page
    assert b"mosquitto_pub" not in page


def test_it_names_the_spaces_if_there_are_several(client_of: ClientOf, alice: User, pump: Device) -> None:
    assert b"fleet-group-name" not in client_of(alice).get("/").content
    attic = Space.objects.create(slug="attic", name="Attic")
    Member.objects.create(space=attic, user=alice, role=Role.VIEWER)
    provisioning.create_device("fan", attic)
    page = client_of(alice).get("/").content.decode()
    assert page.index("Attic") < page.index("Garden")


def test_a_hostile_name_is_text(client_of: ClientOf, alice: User, space: Space) -> None:
    pump, _ = provisioning.create_device("x", space, '"><script>alert(1)</script>')
    store(pump, **{"</script><script>alert(2)</script>": "</script><script>alert(3)</script>"})
    page = client_of(alice).get("/").content
    assert b"<script>alert" not in page


def test_the_status_of_every_device_has_its_time(client_of: ClientOf, carol: User, pump: Device) -> None:
    Device.objects.filter(pk=pump.pk).update(availability="online", availability_at=1_700_000_000_000_000)
    answer = client_of(carol).get("/fleet-status/")
    assert answer.json() == {"devices": {"pump-1": ["online", 1_700_000_000_000]}, "unstored": {}}


def test_it_needs_few_queries_however_many_devices(
    client_of: ClientOf,
    carol: User,
    space: Space,
    django_assert_max_num_queries,  # type: ignore[no-untyped-def]
) -> None:
    for i in range(80):
        provisioning.create_device(f"sensor-{i}", space)
    browser = client_of(carol)
    with django_assert_max_num_queries(14):
        page = browser.get("/")
    assert page.content.count(b"<article") == 80
