from __future__ import annotations

from typing import Any

import httpx
import pytest

from devices.runtime import stats
from hub.middleware.own_hosts import OwnHosts


async def reached(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def get(path: str, host: str) -> httpx.Response:
    transport = httpx.ASGITransport(OwnHosts(reached))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        return await client.get(path, headers={"Host": host})


@pytest.fixture(autouse=True)
def hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["hub.example", "[::1]"]


@pytest.mark.parametrize("host", ["hub.example", "HUB.example:8000", "[::1]:8000", ""])
async def test_own_hosts_are_passed_on(host: str) -> None:
    assert (await get("/", host)).status_code == 204


@pytest.mark.parametrize("host", ["evil.example", "hub.example.evil", "hub.example@evil", "[::2]", "a b", "\xff"])
async def test_foreign_and_malformed_ones_are_refused_and_counted(host: str) -> None:
    refused = stats.requests_rejected.labels("host")._value
    before = refused.get()
    response = await get("/login/", host.encode("latin-1"))  # type: ignore[arg-type]
    assert response.status_code == 400
    assert "the hub is configured for" in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert refused.get() == before + 1


@pytest.mark.parametrize("path", ["/metrics", "/static/dashboards/css/base.css"])
async def test_scrapers_and_style_sheets_may_use_any_host(path: str) -> None:
    assert (await get(path, "10.0.0.7:8000")).status_code == 204
