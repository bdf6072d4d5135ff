"""The tests of whatever talks to the database, once more on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.postgres import Postgres
from tests.servers import ROOT

SUITES = [
    "devices/test_access.py",
    "devices/availability",
    "devices/commands",
    "devices/log",
    "devices/management",
    "devices/refusals",
    "devices/registry",
    "devices/rooms",
    "devices/runtime/test_locks.py",
    "devices/spaces",
    "devices/telemetry",
    "bridges/test_hearing.py",
    "bridges/test_pipeline.py",
    "bridges/test_refusals.py",
    "bridges/rest/test_availability.py",
    "bridges/rest/test_commands.py",
    "bridges/csv",
    "bridges/rest/test_devices.py",
    "bridges/rest/test_export.py",
    "bridges/rest/test_files.py",
    "bridges/rest/test_import.py",
    "bridges/rest/test_ingest.py",
    "bridges/rest/test_messages.py",
    "bridges/rest/test_people.py",
    "bridges/rest/test_readings.py",
    "bridges/rest/test_refusals.py",
    "bridges/rest/test_retention.py",
    "bridges/rest/test_room_rights.py",
    "bridges/rest/test_rooms.py",
    "bridges/rest/test_webhooks.py",
    "dashboards/pages/test_retention.py",
]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path)
    server.start()
    yield server
    server.remove()


@pytest.mark.skipif(connection.vendor == "postgresql", reason="the tests run on PostgreSQL already")
@pytest.mark.timeout(1200)
def test_the_domain_and_the_http_api_pass_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{suite}" for suite in SUITES)],
        env={**os.environ, "DATABASE_URL": postgres.url, "DATA_DIR": str(tmp_path / "data")},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
