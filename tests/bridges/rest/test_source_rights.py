"""Every endpoint of sources, called by everybody who may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from django.contrib.auth.models import User

from devices.models import FoundDevice, OutsideBroker, Source, Space
from tests.bridges.rest.conftest import Callers, error

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]

OF_A_SOURCE: dict[str, Call] = {
    "list_found": lambda client, id: client.get(f"/api/v1/sources/{id}/found"),
    "adopt_device": lambda client, id: client.post(f"/api/v1/sources/{id}/found/plug/adopt", json={}),
}
OF_A_SOURCE |= {
    "show_source": lambda client, id: client.get(f"/api/v1/sources/{id}"),
    "change_source": lambda client, id: client.patch(f"/api/v1/sources/{id}", json={"adopt": True}),
    "delete_source": lambda client, id: client.delete(f"/api/v1/sources/{id}"),
    "ignore_device": lambda client, id: client.post(f"/api/v1/sources/{id}/found/plug/ignore"),
    "adopt_all_devices": lambda client, id: client.post(f"/api/v1/sources/{id}/found/adopt"),
    "list_logins": lambda client, id: client.get(f"/api/v1/sources/{id}/logins"),
    "create_login": lambda client, id: client.post(f"/api/v1/sources/{id}/logins", json={}),
    "delete_login": lambda client, id: client.delete(f"/api/v1/sources/{id}/logins/1"),
    "show_acl": lambda client, id: client.get(f"/api/v1/sources/{id}/acl"),
}
BROKER = {"name": "house", "host": "127.0.0.1", "port": 1}
CREATING = {
    "list_brokers": lambda client, slug: client.get(f"/api/v1/brokers?space={slug}"),
    "create_broker": lambda client, slug: client.post("/api/v1/brokers", json={**BROKER, "space": slug}),
    "test_broker": lambda client, slug: client.post("/api/v1/brokers/test", json={"host": "::1", "space": slug}),
    "create_source": lambda client, slug: client.post("/api/v1/sources", json={"space": slug, "convention": "tasmota"}),
    "try_source": lambda client, slug: client.post("/api/v1/sources/try", json={"space": slug, "messages": []}),
    "listen": lambda client, slug: client.post("/api/v1/sources/listen", json={"space": slug, "filter": "home/#"}),
}
LISTING = {"list_sources": "/api/v1/sources"}
OPEN_TO_PEOPLE = {"list_presets", "list_conventions"}
DELETING = {"delete_broker"}
ENDPOINTS = {*DELETING, *OF_A_SOURCE, *CREATING, *LISTING, *OPEN_TO_PEOPLE}


@pytest.fixture
def source(space: Space) -> Source:
    source = Source.objects.create(space=space, broker="main", convention="tasmota")
    FoundDevice.objects.create(source=source, address="plug", key="plug", first_at=1, at=1)
    return source


@pytest.mark.parametrize("call", OF_A_SOURCE.values(), ids=OF_A_SOURCE)
async def test_only_managers_see_a_source(api: Callers, source: Source, call: Call) -> None:
    error(await call(api.nobody, source.pk), 401, "unauthenticated")
    error(await call(api.mallory, source.pk), 404, "not_found")
    error(await call(api.bob, source.pk), 403, "forbidden")


@pytest.mark.parametrize("call", CREATING.values(), ids=CREATING)
async def test_only_managers_add_to_a_space(
    api: Callers, space: Space, call: Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]
) -> None:
    error(await call(api.nobody, space.slug), 401, "unauthenticated")
    error(await call(api.mallory, space.slug), 404, "not_found")
    error(await call(api.bob, space.slug), 403, "forbidden")


@pytest.mark.parametrize("path", LISTING.values(), ids=LISTING)
async def test_lists_hold_only_what_a_person_may_see(api: Callers, source: Source, path: str) -> None:
    error(await api.nobody.get(path), 401, "unauthenticated")
    assert (await api.mallory.get(path)).json()["items"] == []


async def test_only_managers_of_its_space_and_administrators_delete_a_broker(
    api: Callers, space: Space, bob: User, mallory: User
) -> None:
    await OutsideBroker.objects.acreate(name="house", host="127.0.0.1", port=1, space=space)
    error(await api.nobody.delete("/api/v1/brokers/house"), 401, "unauthenticated")
    for other in (api.mallory, api.bob):
        error(await other.delete("/api/v1/brokers/house"), 404, "not_found")
    await User.objects.filter(pk=mallory.pk).aupdate(is_superuser=True)
    assert (await api.mallory.delete("/api/v1/brokers/house")).status_code == 204


async def test_only_administrators_add_a_broker_for_no_space(api: Callers, alice: User) -> None:
    error(await api.alice.post("/api/v1/brokers", json=BROKER), 403, "forbidden")
    await User.objects.filter(pk=alice.pk).aupdate(is_superuser=True)
    assert (await api.alice.post("/api/v1/brokers", json=BROKER)).status_code == 201
