from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device
from tests.dashboards.pages.conftest import ClientOf, store

pytestmark = pytest.mark.django_db

EXPORT, IMPORT = "/devices/pump-1/export/", "/devices/pump-1/import/"


def test_it_offers_the_metrics_that_have_readings(client_of: ClientOf, carol: User, pump: Device) -> None:
    store(pump, speed=1, **{"<b>": 2})
    content = client_of(carol).get(EXPORT).content.decode()
    assert 'value="speed"' in content
    assert "&lt;b&gt;" in content
    assert "<b>" not in content


def test_a_device_without_readings_has_nothing_to_export(client_of: ClientOf, carol: User, pump: Device) -> None:
    assert "No readings to export yet" in client_of(carol).get(EXPORT).content.decode()


def test_a_viewer_may_export_but_not_import(client_of: ClientOf, carol: User, bob: User, pump: Device) -> None:
    for person in (carol, bob):
        client = client_of(person)
        assert client.get(EXPORT).status_code == 200
        assert client.get(IMPORT).status_code == 403
        page = client.get("/devices/pump-1/").content.decode()
        assert EXPORT in page
        assert IMPORT not in page


def test_a_manager_may_import(client_of: ClientOf, alice: User, pump: Device) -> None:
    client = client_of(alice)
    assert IMPORT in client.get("/devices/pump-1/").content.decode()
    response = client.get(IMPORT)
    assert response.status_code == 200
    assert "csrfmiddlewaretoken" in response.content.decode()


@pytest.mark.parametrize("path", [EXPORT, IMPORT])
def test_a_foreign_device_is_not_found(client_of: ClientOf, mallory: User, pump: Device, path: str) -> None:
    client = client_of(mallory)
    assert client.get(path).status_code == 404
    assert client.get(path.replace("pump-1", "pump-2")).status_code == 404


@pytest.mark.parametrize("path", [EXPORT, IMPORT])
def test_a_visitor_is_redirected_to_the_login(client: Client, pump: Device, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")
