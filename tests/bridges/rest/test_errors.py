"""All errors have the same shape."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import DataError, InterfaceError, OperationalError

from bridges.rest import devices as endpoints
from devices.models import Device
from devices.runtime import request_rates, stats
from tests.bridges.rest.conftest import Callers, browser, caller, error

pytestmark = pytest.mark.django_db(transaction=True)


async def test_every_error_is_counted_by_its_code(api: Callers, pump: Device) -> None:
    counts = {code: stats.errors.labels("http", code) for code in ("unauthenticated", "not_found", "invalid")}
    before = {code: count._value.get() for code, count in counts.items()}
    await api.nobody.get("/api/v1/devices")
    await api.alice.get("/api/v1/devices/none")
    await api.alice.get("/api/v1/devices/pump-1/readings?metric=speed&points=many")
    assert {code: count._value.get() - before[code] for code, count in counts.items()} == dict.fromkeys(counts, 1)


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/devices/a/b", "/api/v2/devices", "/api/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_not_found(path: str, method: str) -> None:
    error(await caller().request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", {"GET"}),
        ("/pump-1", {"GET", "PATCH"}),
        ("/pump-1/commands", {"GET", "POST"}),
        ("/pump-1/telemetry", {"POST"}),
    ],
)
async def test_a_method_that_a_path_does_not_accept_is_named(path: str, allowed: set[str]) -> None:
    response = await caller().delete(f"/api/v1/devices{path}")
    error(response, 405, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) == allowed


async def test_a_value_that_the_database_refuses_is_not_to_be_retried(
    api: Callers, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(endpoints, "_show", fail)
    assert error(await api.carol.get("/api/v1/devices/pump-1"), 500, "internal")["retry"] is False


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "read", {"seq": False}),
        ("PUT", "read", {"seq": "1"}),
        ("PUT", "read", {"seq": 1.0}),
        ("POST", "messages", {"text": ["a"]}),
        ("POST", "messages", {"text": "a", "key": 5}),
        ("PATCH", "", {"name": True}),
    ],
)
async def test_a_value_of_another_type_than_documented_is_not_converted(
    api: Callers, pump: Device, method: str, path: str, body: Any
) -> None:
    room = f"/api/v1/rooms/{pump.room.pk}/{path}".rstrip("/")
    error(await api.alice.request(method, room, json=body), 422, "invalid")


async def test_an_error_lists_few_of_many_faults(api: Callers, pump: Device) -> None:
    body = {f"unknown-{number}": 0 for number in range(5_000)}
    response = await api.bob.post("/api/v1/devices/pump-1/commands", json=body)
    message = str(error(response, 422, "invalid")["message"])
    assert "unknown-0: Extra inputs are not permitted" in message
    assert message.count(";") == 10
    assert message.endswith("; and more")


async def test_too_many_parameters_are_the_client_s_fault(api: Callers) -> None:
    error(await api.bob.get("/api/v1/devices?" + "limit=1&" * 2_000), 400, "invalid")


async def test_an_error_shortens_the_names_of_unknown_fields(api: Callers, pump: Device) -> None:
    response = await api.bob.post("/api/v1/devices/pump-1/commands", json={"name": "stop", "x" * 50_000: 0})
    assert len(str(error(response, 422, "invalid")["message"])) < 200


async def test_a_large_json_body_is_refused_before_it_is_read(api: Callers, pump: Device) -> None:
    body = b'{"name": "stop", "args": {' + b",".join(b'"%d": 0' % number for number in range(75_000)) + b"}}"
    response = await api.bob.post("/api/v1/devices/pump-1/commands", content=body)
    assert "128 KiB" in str(error(response, 413, "too_large")["message"])


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"args":' * 10_000])
async def test_a_deeply_nested_body_is_not_json(api: Callers, pump: Device, content: bytes) -> None:
    error(await api.bob.post("/api/v1/devices/pump-1/commands", content=content), 400, "invalid")


async def test_a_person_s_requests_are_limited_over_all_connections(
    api: Callers, pump: Device, bob: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUEST_RATE_LIMIT = 0.001
    monkeypatch.setattr(request_rates, "BURST", 5)
    clients = [api.bob, await sync_to_async(browser)(bob)]
    statuses = [(await clients[number % 2].get("/api/v1/devices/pump-1")).status_code for number in range(12)]
    assert statuses.count(200) == 5
    refused = await api.bob.get("/api/v1/devices/pump-1")
    assert "requests a second" in str(error(refused, 429, "too_many")["message"])
    assert refused.headers["retry-after"] == "1"
    assert (await api.carol.get("/api/v1/devices/pump-1")).status_code == 200


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError])
async def test_a_request_may_be_retried_while_the_database_is_unavailable(
    api: Callers, pump: Device, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def fail(*args: object) -> None:
        raise failure("connection to server at db.internal failed")

    monkeypatch.setattr(endpoints, "_show", fail)
    facts = error(await api.carol.get("/api/v1/devices/pump-1"), 503, "unavailable")
    assert facts["retry"] is True
    assert "db.internal" not in str(facts)


async def test_the_details_of_our_own_bugs_are_only_in_the_log(
    api: Callers, pump: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setattr(endpoints, "_show", fail)
    facts = error(await api.carol.get("/api/v1/devices/pump-1"), 500, "internal")
    assert "42" not in str(facts)
    assert "ZeroDivisionError: the secret is 42" in caplog.text


async def test_a_body_above_django_s_limit_is_too_large(api: Callers, pump: Device) -> None:
    body = b'{"name": "set", "args": {"a": "' + b"x" * 2_000_000 + b'"}}'
    error(await api.bob.post("/api/v1/devices/pump-1/commands", content=body), 413, "too_large")
