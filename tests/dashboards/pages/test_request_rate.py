"""Pages count against their person's rate of requests."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.urls.resolvers import URLPattern

from dashboards.urls import urlpatterns
from devices.runtime import request_rates
from tests.dashboards.pages.conftest import ClientOf

FREE = {"login", "logout", "notification_worker"}
"""Pages that everybody may have, and the way out."""
ARGUMENTS = {"id": 1, "webhook": 1, "uid": "pump-1", "slug": "plant", "username": "bob"}
NAMES = [pattern.name or "" for pattern in urlpatterns if isinstance(pattern, URLPattern)]


@pytest.fixture
def one_request(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person has one request, and then none."""
    settings.REQUEST_RATE_LIMIT = 1e-9
    monkeypatch.setattr(request_rates, "BURST", 1)
    request_rates.rates._buckets.clear()


@pytest.mark.usefixtures("one_request")
def test_every_page_counts(client_of: ClientOf, alice: User, bob: User) -> None:
    browser = client_of(alice)
    assert browser.get("/").status_code == 200
    for name in sorted({*NAMES} - FREE):
        answer = browser.get(address(name))
        assert (name, answer.status_code, answer["Retry-After"]) == (name, 429, "1")
    assert b"Too many requests" in answer.content
    assert browser.get("/notification-worker.js").status_code == 200
    assert client_of(bob).get("/").status_code == 200


@pytest.mark.usefixtures("one_request")
def test_strangers_are_sent_to_the_sign_in_page(db: None) -> None:
    assert [Client().get("/").status_code for _ in range(3)] == [302] * 3


def address(name: str) -> str:
    pattern = next(one for one in urlpatterns if isinstance(one, URLPattern) and one.name == name)
    return reverse(name, kwargs={key: ARGUMENTS[key] for key in pattern.pattern.converters})
