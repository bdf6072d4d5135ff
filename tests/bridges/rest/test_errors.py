"""All errors have the same shape."""

from __future__ import annotations

import pytest
from django.db import DataError, InterfaceError, OperationalError

from bridges.rest import devices as endpoints
from devices.models import Device
from tests.bridges.rest.conftest import Callers, caller, error

pytestmark = pytest.mark.django_db(transaction=True)


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
