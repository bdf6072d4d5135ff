"""`manage.py runserver`, as people start it who work on the code, serves all that the other servers serve."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from websockets.asyncio.client import connect

from devices.models import Device, Metric, Reading
from devices.spaces import tokens
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

WAIT_S = 30
READINGS = 5_000


class RunServer(WebServer):
    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]


@pytest.fixture
def web(tmp_path: Path, transactional_db: None) -> Iterator[RunServer]:
    server = RunServer("runserver", tmp_path)
    server.start()
    yield server
    assert server.stop() == 0, server.output
    assert "Traceback" not in server.output


def test_pages_live_connections_streams_exports_and_files(web: RunServer, bob: User, pump: Device) -> None:
    metric = Metric.objects.create(device=pump, name="count")
    Reading.objects.bulk_create(Reading(metric=metric, time=n + 1, number=n) for n in range(READINGS))
    rights = {"Authorization": f"Bearer {tokens.create(bob)}"}
    with httpx.Client(base_url=web.url, headers=rights, timeout=WAIT_S) as client:
        assert client.get("/login/").status_code == 200
        assert client.get("/static/dashboards/js/live/hub_connection.js").status_code == 200

        export = client.get("/api/v1/devices/pump-1/readings.csv", params={"start": 0})
        assert len(export.text.splitlines()) == READINGS + 1

        content = ContentFile(b"0123456789" * 100_000)
        sent = client.post(f"/api/v1/rooms/{pump.room.pk}/files", files={"file": ("a.bin", content.file)})
        entry = client.get(f"/api/v1/rooms/{pump.room.pk}/messages").json()["items"][-1]
        assert (sent.status_code, entry["seq"]) == (201, sent.json()["seq"])
        file = client.get(f"/api/v1/rooms/{pump.room.pk}/files/{entry['files'][0]['id']}/a.bin")
        assert len(file.content) == 1_000_000

        with client.stream("GET", "/api/v1/stream?device=pump-1") as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            assert any('"snapshot"' in line for line in events.iter_lines())

    async def welcome() -> str:
        async with asyncio.timeout(WAIT_S), connect(web.live_url, additional_headers=rights) as live:
            return str(json.loads(await live.recv())["type"])

    assert asyncio.run(welcome()) == "welcome"
