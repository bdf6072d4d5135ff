"""Clients of the API: programs and browsers at some address, calling the ASGI application directly."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from bridges.ingest import batches, direct
from bridges.ingest.refusal_recorder import RefusalRecorder
from bridges.rest import webhooks
from devices.models import Device, Member, Room, Space
from devices.registry import devices, logins
from devices.rooms import provisioning
from devices.runtime import database
from devices.runtime.login_throttle import LoginThrottle
from devices.runtime.request_rates import rates
from devices.spaces import tokens
from devices.values import Role
from hub.asgi import application


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Resets what the process remembers of the previous test's database: ids of metrics, failed logins."""
    monkeypatch.setattr(batches, "_shared", None)
    monkeypatch.setattr(direct, "_refusals", RefusalRecorder(database.run))
    monkeypatch.setattr(logins, "throttle", LoginThrottle())
    monkeypatch.setattr(webhooks, "throttle", LoginThrottle())
    rates._buckets.clear()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # fast; no test checks a password here


def caller(address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
    """A program at `address` that sends these headers with every request."""
    transport = httpx.ASGITransport(application, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers)


def browser(user: User) -> httpx.AsyncClient:
    """A browser in which `user` is signed in."""
    client = Client()
    client.force_login(user)
    made = caller()
    made.cookies.set("hubbub_session", client.cookies["hubbub_session"].value)
    return made


@dataclass(frozen=True)
class Callers:
    """A program for each character, each with an API token, and one without."""

    alice: httpx.AsyncClient
    bob: httpx.AsyncClient
    carol: httpx.AsyncClient
    mallory: httpx.AsyncClient
    nobody: httpx.AsyncClient


def with_token(user: User) -> httpx.AsyncClient:
    return caller(Authorization=f"Bearer {tokens.create(user)}")


@pytest.fixture
def api(alice: User, bob: User, carol: User, mallory: User) -> Callers:
    return Callers(with_token(alice), with_token(bob), with_token(carol), with_token(mallory), caller())


@dataclass(frozen=True)
class Sender:
    """A device and the secret that it signs in with."""

    device: Device
    secret: str

    @property
    def basic(self) -> httpx.BasicAuth:
        return httpx.BasicAuth(self.device.uid, self.secret)


@pytest.fixture
def pump_sender(pump: Device) -> Sender:
    return Sender(pump, devices.rotate_secret(pump))


@pytest.fixture
def meter_sender(mallory: User) -> Sender:
    """A device of another space, which mallory manages."""
    cellar = Space.objects.create(slug="cellar", name="Cellar")
    Member.objects.create(space=cellar, user=mallory, role=Role.MANAGER)
    return Sender(*provisioning.create_device("meter-9", cellar, "Energy meter"))


def error(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The error of a response; asserts its status and code, and the shape of all errors."""
    assert response.status_code == status, response.text
    facts: dict[str, object] = response.json()["error"]
    assert facts["code"] == code, facts
    assert isinstance(facts["message"], str)
    assert facts["message"]
    assert isinstance(facts["retry"], bool)
    return facts


@pytest.fixture
def room(pump: Device) -> int:
    """The id of the pump's room."""
    return Room.objects.get(device=pump).pk


def png(width: int = 4, height: int = 3) -> bytes:
    """A PNG image of this size in pixels."""
    content = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, "PNG")
    return content.getvalue()
