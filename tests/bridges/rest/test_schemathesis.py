"""Requests made up from the OpenAPI document, right and wrong ones, to a real server: what it answers is documented."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from devices.models import Device
from devices.spaces import tokens
from tests.support.soak import usually
from tests.support.web_server import WebServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
]
METHODS = usually(["POST", "PUT", "PATCH"], soak=["POST", "PUT", "PATCH", "GET"])
"""Those with a body; nobody documents more than a path for DELETE."""
LEAST_REQUESTS = 200


@pytest.fixture
def web(tmp_path: Path, transactional_db: None) -> Iterator[WebServer]:
    server = WebServer("daphne", tmp_path, CHAT_RATE_LIMIT="0", REQUEST_RATE_LIMIT="0")
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.output, server.output


def test_every_answer_is_documented_and_wrong_requests_are_refused(
    web: WebServer, tmp_path: Path, alice: User, pump: Device
) -> None:
    """Each limit and each type of the document is met once and broken once, by a manager of the space."""
    places = f'"path.uid" = "pump-1"\n"path.slug" = "garden"\n"path.username" = "bob"\n"path.id" = {pump.room.pk}\n'
    (tmp_path / "schemathesis.toml").write_text(f"[parameters]\n{places}")
    options = {
        "--header": f"Authorization: Bearer {tokens.create(alice)}",
        "--phases": "coverage",
        "--exclude-path": "/api/v1/stream",  # its answer has no end
        "--checks": ",".join(CHECKS),
        "--generation-database": "none",
        "--request-timeout": "20",
    }
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{web.url}/api/v1/openapi.json"]
    arguments = [part for option in options.items() for part in option]
    arguments += [part for method in METHODS for part in ("--include-method", method)]
    done = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert passed, done.stdout
    assert passed[1] == passed[2]
    assert int(passed[1]) >= LEAST_REQUESTS
