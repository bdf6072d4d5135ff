"""Sources, their logins, their found devices and their brokers, over HTTP."""

from __future__ import annotations

import pytest

from bridges.rest import brokers as broker_endpoints
from bridges.sources.connection_test import TESTS_A_MINUTE, TestAllowance
from bridges.sources.conventions import CONVENTIONS
from devices.models import DeviceAddress, FoundDevice, OutsideBroker, Source, SourceLogin, Space
from devices.registry.sources.descriptions import DESCRIPTIONS
from tests.bridges.rest.conftest import Callers, error
from tests.support.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(space: Space) -> Source:
    source = Source.objects.create(space=space, broker="main", convention="tasmota")
    for key in ("plug", "lamp"):
        FoundDevice.objects.create(source=source, address=key, key=key, first_at=1, at=1)
    return source


async def test_a_source_is_shown_changed_and_deleted(api: Callers, source: Source) -> None:
    path = f"/api/v1/sources/{source.pk}"
    assert (await api.alice.get(path)).json()["adopt"] is False
    assert (await api.alice.patch(path, json={"adopt": True})).json()["adopt"] is True
    assert (await api.alice.delete(path)).status_code == 204
    error(await api.alice.get(path), 404, "not_found")


async def test_a_found_device_is_ignored_and_taken_back(api: Callers, source: Source) -> None:
    found = f"/api/v1/sources/{source.pk}/found"
    assert (await api.alice.post(f"{found}/plug/ignore")).json()["ignored"] is True
    assert [one["key"] for one in (await api.alice.get(found)).json()["items"]] == ["lamp"]
    assert [one["key"] for one in (await api.alice.get(f"{found}?ignored=true")).json()["items"]] == ["plug"]
    assert (await api.alice.post(f"{found}/plug/ignore", json={"ignored": False})).json()["ignored"] is False


async def test_all_that_are_not_ignored_are_added(api: Callers, source: Source) -> None:
    found = f"/api/v1/sources/{source.pk}/found"
    await api.alice.post(f"{found}/plug/ignore")
    assert (await api.alice.post(f"{found}/adopt")).json() == {"added": ["lamp"], "problems": {}}
    assert await DeviceAddress.objects.filter(source=source).acount() == 1


async def test_one_is_added_without_a_body(api: Callers, source: Source) -> None:
    assert (await api.alice.post(f"/api/v1/sources/{source.pk}/found/plug/adopt")).status_code == 201


async def test_a_login_shows_its_secret_once_and_can_be_revoked(api: Callers, source: Source) -> None:
    logins = f"/api/v1/sources/{source.pk}/logins"
    made = (await api.alice.post(logins, json={"label": "Bridge"})).json()
    assert made["secret"]
    [listed] = (await api.alice.get(logins)).json()["items"]
    assert listed == {name: made[name] for name in ("id", "username", "label", "created_at")}
    assert (await api.alice.delete(f"{logins}/{made['id']}")).status_code == 204
    error(await api.alice.delete(f"{logins}/{made['id']}"), 404, "not_found")
    assert not await SourceLogin.objects.aexists()


async def test_a_login_of_another_source_is_not_revoked(api: Callers, source: Source, space: Space) -> None:
    other = await Source.objects.acreate(space=space, broker="main", convention="homie")
    login = await SourceLogin.objects.acreate(source=other, username="x", secret_hash="x")
    error(await api.alice.delete(f"/api/v1/sources/{source.pk}/logins/{login.pk}"), 404, "not_found")


async def test_the_lines_for_the_owners_broker(api: Callers, source: Source) -> None:
    lines = (await api.alice.get(f"/api/v1/sources/{source.pk}/acl")).json()
    assert "topic read tele/+/+" in lines["mosquitto"] or "topic read tele/" in lines["mosquitto"]
    assert "topic write cmnd/" in lines["mosquitto"]
    assert "publish" in lines["emqx"]
    assert "cmnd." in lines["nats"]


async def test_a_brokers_password_is_never_returned(api: Callers, space: Space) -> None:
    given = {"name": "house", "host": "10.0.0.2", "port": 8883, "tls": True, "username": "hub", "password": "hush"}
    made = await api.alice.post("/api/v1/brokers", json={**given, "space": space.slug})
    assert made.status_code == 201, made.text
    listed = await api.alice.get(f"/api/v1/brokers?space={space.slug}")
    assert [one["name"] for one in listed.json()["items"]] == ["main", "house"]
    assert "hush" not in made.text + listed.text
    assert "hush" not in (await OutsideBroker.objects.aget()).password


async def test_a_broker_is_checked_before_it_is_stored(api: Callers, space: Space) -> None:
    for wrong in ({"host": ""}, {"host": "a b"}, {"port": 0}, {"ca": "not PEM", "tls": True}, {"name": "a b"}):
        given = {"name": "house", "host": "10.0.0.2", "port": 1883, "space": space.slug, **wrong}
        error(await api.alice.post("/api/v1/brokers", json=given), 422, "invalid")


async def test_a_broker_with_sources_stays(api: Callers, space: Space) -> None:
    await OutsideBroker.objects.acreate(name="house", host="127.0.0.1", port=1, space=space)
    await Source.objects.acreate(space=space, broker="house", convention="tasmota")
    error(await api.alice.delete("/api/v1/brokers/house"), 422, "invalid")


async def test_connection_tests_are_counted(api: Callers, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_endpoints.connection_test, "allowance", TestAllowance(lambda: 0.0))
    given = {"host": "127.0.0.1", "port": free_port(), "space": space.slug}
    for _ in range(TESTS_A_MINUTE):
        tested = (await api.alice.post("/api/v1/brokers/test", json=given)).json()
        assert (tested["ok"], "Nothing accepts connections" in tested["problem"]) == (False, True)
    error(await api.alice.post("/api/v1/brokers/test", json=given), 429, "too_many")


async def test_conventions_have_descriptions(api: Callers) -> None:
    listed = (await api.carol.get("/api/v1/conventions")).json()["items"]
    assert [one["name"] for one in listed] == list(CONVENTIONS)
    assert set(CONVENTIONS) <= set(DESCRIPTIONS)
