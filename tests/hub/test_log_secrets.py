from __future__ import annotations

import logging
from typing import Any

import pytest

from hub.log_secrets import HideSecrets, hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("POST /api/v1/hooks/s-3_cret HTTP/1.1", "POST /api/v1/hooks/… HTTP/1.1"),
        ("/api/v1/hooks/s-3_cret?x=1", "/api/v1/hooks/…?x=1"),
        ("'http://hub/api/v1/hooks/s-3_cret'", "'http://hub/api/v1/hooks/…'"),
        ("/api/v1/hooks/ and /api/v1/rooms/7/webhooks/3", "/api/v1/hooks/ and /api/v1/rooms/7/webhooks/3"),
    ],
)
def test_the_secret_of_an_address_is_hidden(text: str, shown: str) -> None:
    assert hidden(text) == shown


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("%s: %s", ("Not Found", "/api/v1/hooks/secret")),
        ('%s - "%s %s HTTP/%s" %d', ("127.0.0.1:1", "POST", "/api/v1/hooks/secret", "1.1", 404)),
        ("POST /api/v1/hooks/secret failed", ()),
        ("%(path)s", ({"path": "x"},)),
    ],
)
def test_no_part_of_a_record_has_the_secret(message: str, args: tuple[Any, ...]) -> None:
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, message, args, None)
    assert HideSecrets().filter(record)
    assert "secret" not in record.getMessage()
