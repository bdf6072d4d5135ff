"""Every endpoint of sources, called by everybody who may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest

from devices.models import FoundDevice, Source, Space
from tests.bridges.rest.conftest import Callers, error

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]

OF_A_SOURCE: dict[str, Call] = {
    "list_found": lambda client, id: client.get(f"/api/v1/sources/{id}/found"),
    "adopt_device": lambda client, id: client.post(f"/api/v1/sources/{id}/found/plug/adopt", json={}),
}
CREATING = {
    "create_source": lambda client, slug: client.post("/api/v1/sources", json={"space": slug, "convention": "tasmota"}),
    "try_source": lambda client, slug: client.post("/api/v1/sources/try", json={"space": slug, "messages": []}),
    "listen": lambda client, slug: client.post("/api/v1/sources/listen", json={"space": slug, "filter": "home/#"}),
}
LISTING = {"list_sources": "/api/v1/sources"}
OPEN_TO_PEOPLE = {"list_presets"}
ENDPOINTS = {*OF_A_SOURCE, *CREATING, *LISTING, *OPEN_TO_PEOPLE}


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
