from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device, Space
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
