from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from devices.models import Device, Space
from devices.rooms import provisioning
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us

ClientOf = Callable[[User], Client]


@pytest.fixture
def client_of() -> ClientOf:
    """Returns a browser in which the person is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def foreign_pump(db: None) -> Device:
    """A device in a space that none of the characters is a member of."""
    space = Space.objects.create(slug="elsewhere", name="Elsewhere")
    return provisioning.create_device("foreign-pump", space, "Foreign pump")[0]


def store(device: Device, **values: Any) -> None:
    """Stores one reading of each metric, now."""
    now = now_us()
    samples = tuple(Sample(name, value, now) for name, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, now))])


def data(response: HttpResponse, id: str = "page") -> Any:
    """The data that the page gives its scripts."""
    found = re.search(rf'<script id="{id}" type="application/json">(.*?)</script>', response.content.decode())
    assert found, f"the page has no data {id!r}"
    return json.loads(found[1])
