"""Several web processes over one database, without the Redis that they would need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.support.eventually import eventually
from tests.support.web_server import WebServer, web_servers

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def empty_database(folder: Path) -> str:
    """Apart from that of the tests, where this process may have claimed to be the only one. Nothing reads a table."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{folder}/empty.sqlite3"
    server = connection.settings_dict
    return f"postgres://{server['USER']}@{server['HOST']}:{server['PORT']}/postgres"


def layer(web: WebServer) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{web.url}/readyz", timeout=20).json()["layer"]
    return found


def test_the_second_one_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with web_servers(tmp_path, DATABASE_URL=empty_database(tmp_path)) as servers:
        first = servers("plain daphne")
        eventually(lambda: layer(first)["ok"])
        second = servers("plain uvicorn")
        eventually(lambda: layer(second) == {"ok": False, "error": "SeveralWithoutRedis"})
        assert httpx.get(f"{second.url}/readyz", timeout=20).status_code == 503
        assert layer(first) == {"ok": True}
        eventually(lambda: "REDIS_URL is not set" in second.output)
