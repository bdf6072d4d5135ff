"""The page of a new mapping: who sees it, and which brokers it offers."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.models import OutsideBroker, Space
from tests.dashboards.pages.conftest import ClientOf, data

pytestmark = pytest.mark.django_db

PAGE = "/spaces/garden/sources/mapping/"


def test_a_manager_chooses_among_the_spaces_brokers(client_of: ClientOf, alice: User, space: Space) -> None:
    other = Space.objects.create(slug="elsewhere", name="Elsewhere")
    OutsideBroker.objects.create(name="ours", host="127.0.0.1", port=1, space=space)
    OutsideBroker.objects.create(name="theirs", host="127.0.0.1", port=1, space=other)
    OutsideBroker.objects.create(name="hubs", host="127.0.0.1", port=1)
    answer = client_of(alice).get(PAGE)
    page = answer.content.decode()
    assert [name for name in ("main", "ours", "theirs", "hubs") if f"<option>{name}</option>" in page] == [
        "main",
        "ours",
    ]
    assert data(answer) == {"space": "garden"}  # type: ignore[arg-type]


def test_nobody_else_sees_the_page(client_of: ClientOf, bob: User, mallory: User, space: Space) -> None:
    assert client_of(bob).get(PAGE).status_code == 403
    assert client_of(mallory).get(PAGE).status_code == 404
