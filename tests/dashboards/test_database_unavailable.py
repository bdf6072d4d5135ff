from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.test import Client

from devices import access


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_page_is_503_and_says_why_while_the_database_is_unavailable(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: Any) -> None:
        raise error("unavailable")

    client.force_login(alice)
    monkeypatch.setattr(access, "devices", fail)
    response = client.get("/")
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert "The database is unavailable" in response.content.decode()


def test_any_other_error_is_500(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a bug")

    client.force_login(alice)
    client.raise_request_exception = False
    monkeypatch.setattr(access, "devices", fail)
    assert client.get("/").status_code == 500
