from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device, FoundDevice, Source, Space
from devices.registry import accounts
from tests.dashboards.pages.conftest import ClientOf


def form(space: Space, **fields: str) -> dict[str, str]:
    return {"uid": "fan-1", "name": "Roof fan", "space": str(space.pk), **fields}


def test_it_creates_the_device_and_shows_its_secret_in_lines_to_paste(
    client_of: ClientOf, alice: User, space: Space
) -> None:
    answer = client_of(alice).post("/add-device/", form(space), HTTP_HOST="localhost")
    secret = answer.context["secret"]
    device = accounts.authenticate("fan-1", secret)
    assert device is not None
    assert (device.name, device.space) == ("Roof fan", space)
    page = answer.content.decode()
    assert f"-u fan-1 \\\n  -P {secret} \\\n" in page
    assert f'secret = "{secret}"' in page
    assert f"curl -u fan-1:{secret}" in page
    assert "http://localhost/api/v1/devices/fan-1/telemetry" in page
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("name", ["arduino", "micropython", "node_red", "esphome", "tasmota", "shelly"])
@pytest.mark.parametrize("public_url", ["mqtt://hub.example:1884", "mqtts://hub.example:8884"])
def test_each_snippet_has_the_devices_own_login_and_address(
    client_of: ClientOf, alice: User, space: Space, settings: Any, name: str, public_url: str
) -> None:
    settings.PUBLIC_BROKERS = {"main": public_url}
    answer = client_of(alice).post("/add-device/", form(space))
    panel = answer.content.decode().split(f'id="how-{name}"')[1].split("</pre>")[0]
    for part in ("fan-1", answer.context["secret"], "hub.example", public_url[-4:], "devices/"):
        assert part in html.unescape(panel)


def test_the_flow_for_node_red_can_be_imported(client_of: ClientOf, alice: User, space: Space) -> None:
    page = client_of(alice).post("/add-device/", form(space)).content.decode()
    flow = page.split('id="how-node_red"')[1].split("<code data-copy-source>")[1].split("</code>")[0]
    assert [node["type"] for node in json.loads(html.unescape(flow))] == ["inject", "mqtt out", "mqtt-broker"]


def test_it_leads_to_what_was_found(client_of: ClientOf, alice: User, bob: User, space: Space) -> None:
    source = Source.objects.create(space=space, broker="main", convention="tasmota")
    for key, ignored in (("plug", False), ("lamp", True)):
        FoundDevice.objects.create(source=source, address=key, key=key, first_at=1, at=1, ignored=ignored)
    for path in ("/", "/add-device/"):
        assert f'href="/sources/{source.pk}/"' in client_of(alice).get(path).content.decode()
        assert "1 found" in client_of(alice).get(path).content.decode()
    assert "/sources/" not in client_of(bob).get("/").content.decode()


@pytest.mark.parametrize("uid", ["", "with space", "a/b", "#", "ü", "x" * 65, "fan-1\n2"])
def test_it_refuses_an_invalid_uid_and_keeps_the_input(
    client_of: ClientOf, alice: User, space: Space, uid: str
) -> None:
    answer = client_of(alice).post("/add-device/", form(space, uid=uid))
    assert answer.status_code == 422
    assert b"is-invalid" in answer.content
    assert b"Roof fan" in answer.content
    assert not Device.objects.exists()


def test_it_refuses_a_taken_uid_even_of_a_foreign_space(
    client_of: ClientOf, alice: User, space: Space, foreign_pump: Device
) -> None:
    answer = client_of(alice).post("/add-device/", form(space, uid="foreign-pump"))
    assert answer.status_code == 422
    assert b"is taken" in answer.content


def test_it_refuses_a_space_that_one_does_not_manage(client_of: ClientOf, alice: User, foreign_pump: Device) -> None:
    answer = client_of(alice).post("/add-device/", form(foreign_pump.space))
    assert answer.status_code == 422
    assert Device.objects.count() == 1


@pytest.mark.parametrize("name", ["bob", "carol", "mallory"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_is_only_for_managers(
    client_of: ClientOf, request: pytest.FixtureRequest, space: Space, name: str, method: str
) -> None:
    browser = client_of(request.getfixturevalue(name))
    assert getattr(browser, method)("/add-device/", form(space)).status_code == 403
    assert not Device.objects.exists()


def test_it_requires_a_login(client: Client, space: Space) -> None:
    assert client.post("/add-device/", form(space)).status_code == 302
    assert not Device.objects.exists()


def test_a_device_may_be_called_add(client_of: ClientOf, alice: User, space: Space) -> None:
    browser = client_of(alice)
    browser.post("/add-device/", form(space, uid="add", name="Adder"))
    assert b"Adder" in browser.get("/devices/add/").content


def test_it_asks_for_the_broker_if_there_are_several(
    client_of: ClientOf,
    alice: User,
    space: Space,
    settings,  # type: ignore[no-untyped-def]
) -> None:
    settings.BROKERS = {"roof": "mqtt://10.0.0.2", "cellar": "mqtts://bridge:hunter2@10.0.0.3:8884?ca=/etc/ca.pem"}
    client = client_of(alice)
    assert b'<option value="cellar">cellar</option>' in client.get("/add-device/").content
    page = client.post("/add-device/", form(space, broker="cellar")).content.decode()
    assert Device.objects.get(uid="fan-1").broker == "cellar"
    assert "-h 10.0.0.3 -p 8884" in page
    assert "hunter2" not in page


def test_it_shows_the_public_address_of_the_broker(
    client_of: ClientOf,
    alice: User,
    space: Space,
    settings,  # type: ignore[no-untyped-def]
) -> None:
    settings.BROKERS = {"main": "mqtt://bridge@mosquitto:1884"}
    settings.PUBLIC_BROKERS = {"main": "mqtt://hub.example.org"}
    page = client_of(alice).post("/add-device/", form(space)).content.decode()
    assert "-h hub.example.org -p 1883" in page


def test_it_refuses_an_unknown_broker(client_of: ClientOf, alice: User, space: Space) -> None:
    client = client_of(alice)
    assert b'name="broker"' not in client.get("/add-device/").content
    assert client.post("/add-device/", form(space, broker="cellar")).status_code == 422
    assert not Device.objects.exists()
