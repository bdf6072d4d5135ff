from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.runtime import database, stats
from devices.spaces import tokens
from tests.bridges.rest.conftest import Sender, caller, error

pytestmark = pytest.mark.django_db(transaction=True)


async def test_programs_on_this_machine_read_the_counters() -> None:
    stats.refused.labels("not_finite").inc()
    for address in ("127.0.0.1", "::1"):
        response = await caller(address).get("/metrics")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        assert 'hubbub_messages_refused_total{reason="not_finite"}' in response.text


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", ""])
async def test_another_machine_needs_a_token(address: str, bob: User) -> None:
    error(await caller(address).get("/metrics"), 401, "unauthenticated")
    error(await caller(address, Authorization="Bearer wrong").get("/metrics"), 401, "unauthenticated")
    token = await database.run(tokens.create, bob)
    response = await caller(address, Authorization=f"Bearer {token}").get("/metrics")
    assert "hubbub_readings_stored_total" in response.text


async def test_a_scraper_with_a_token_may_name_any_host(bob: User) -> None:
    token = await database.run(tokens.create, bob)
    response = await caller("10.0.0.1", Host="web-2:8000", Authorization=f"Bearer {token}").get("/metrics")
    assert response.status_code == 200
    assert "hubbub_readings_stored_total" in response.text


async def test_dns_rebinding_is_refused() -> None:
    error(await caller(Host="evil.example").get("/metrics"), 401, "unauthenticated")


async def test_a_foreign_host_is_refused_everywhere_else(bob: User) -> None:
    token = await database.run(tokens.create, bob)
    for path in ("/api/v1/devices", "/metrics/", "/login/"):
        assert (await caller(Host="web-2:8000", Authorization=f"Bearer {token}").get(path)).status_code == 400


async def test_a_device_s_credentials_are_not_a_token(pump_sender: Sender) -> None:
    error(await caller("192.0.2.7").get("/metrics", auth=pump_sender.basic), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Proto"])
async def test_a_request_through_a_proxy_on_this_machine_is_not_local(header: str) -> None:
    error(await caller(**{header: "for=127.0.0.1"}).get("/metrics"), 401, "unauthenticated")


async def test_with_a_public_address_programs_on_this_machine_need_a_token_too(settings: Any, bob: User) -> None:
    """A proxy here that sets none of its headers cannot be distinguished from them."""
    settings.PUBLIC_URLS = ("https://hub.example.org",)
    error(await caller("127.0.0.1").get("/metrics"), 401, "unauthenticated")
    token = await database.run(tokens.create, bob)
    response = await caller("127.0.0.1", Authorization=f"Bearer {token}").get("/metrics")
    assert response.status_code == 200


async def test_it_holds_no_secret_and_no_name_of_a_device(pump_sender: Sender) -> None:
    await caller().post("/api/v1/devices/pump-1/telemetry", json={"speed": 1}, auth=pump_sender.basic)
    text = (await caller().get("/metrics")).text
    assert pump_sender.secret not in text
    assert "pump-1" not in text
