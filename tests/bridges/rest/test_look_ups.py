"""One network address that has logins and secrets looked up without an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from bridges.rest import webhooks
from bridges.rest.auth import LoginCookie
from dashboards.live import logins
from devices.registry import accounts
from devices.rooms import webhooks as room_webhooks
from devices.runtime import login_checks
from devices.runtime.login_checks import AT_ONCE
from hub.middleware import large_bodies
from hub.middleware.large_bodies import Place
from tests.bridges.rest.conftest import Sender, browser, caller
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

FLOOD = 40
SOON_S = 10.0


def counting(function: Callable[..., Any], calls: list[Any]) -> Callable[..., Any]:
    def counted(*args: Any) -> Any:
        calls.append(args)
        return function(*args)

    return counted


async def test_secrets_that_are_guessed_at_once_are_counted_before_the_next_look_up(
    pump_sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = list[Any]()
    monkeypatch.setattr(accounts, "authenticate", counting(accounts.authenticate, looked_up))
    guesser = caller("192.0.2.7")
    sent = (
        guesser.post("/api/v1/devices/pump-1/telemetry", json={"a": 1}, auth=("pump-1", "guess")) for _ in range(FLOOD)
    )
    answers = [answer.status_code for answer in await asyncio.gather(*sent)]
    assert len(looked_up) < 10 + AT_ONCE
    assert answers.count(401) == len(looked_up)
    assert answers.count(429) == FLOOD - len(looked_up)


async def test_so_are_addresses_of_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = list[Any]()
    monkeypatch.setattr(room_webhooks, "webhook", counting(room_webhooks.webhook, looked_up))
    guesser = caller("192.0.2.7")
    answers = await asyncio.gather(*(guesser.post("/api/v1/hooks/guess", json={"text": "x"}) for _ in range(FLOOD)))
    assert len(looked_up) < 10 + AT_ONCE
    assert [answer.status_code for answer in answers].count(404) == len(looked_up)
    assert not webhooks.throttle._trusted


@pytest.fixture
def slow() -> Iterator[threading.Event]:
    """Look-ups wait for it."""
    event = threading.Event()
    yield event
    event.set()


async def test_made_up_cookies_hold_up_nobody_elsewhere(
    carol: User, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, honest = LoginCookie._signed_in, await asyncio.to_thread(browser, carol)

    def signed_in(self: LoginCookie, request: Any) -> Any:
        if request.META["REMOTE_ADDR"] == "192.0.2.7":
            slow.wait(30)
        return look_up(self, request)

    monkeypatch.setattr(LoginCookie, "_signed_in", signed_in)
    flooder = caller("192.0.2.7", Cookie="hubbub_session=made-up")
    flood = [asyncio.create_task(flooder.get("/api/v1/devices")) for _ in range(FLOOD)]
    await waiting(FLOOD)
    async with asyncio.timeout(SOON_S):
        assert (await honest.get("/api/v1/devices")).status_code == 200
    slow.set()
    assert {answer.status_code for answer in await asyncio.gather(*flood)} == {401}


async def test_neither_do_senders_of_large_bodies(
    carol: User, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = list[str]()

    def person(login: logins.LoginKey) -> User | None:
        slow.wait(30)
        looked_up.append(login.session_key)
        return carol if login.session_key == "carol" else None

    monkeypatch.setattr(logins, "person", person)
    flood = [asyncio.create_task(admitted("made-up", "192.0.2.7")) for _ in range(FLOOD)]
    await waiting(FLOOD)
    honest = asyncio.create_task(admitted("carol", "198.51.100.1"))
    await waiting(FLOOD + 1)
    slow.set()
    place = await honest
    assert isinstance(place, Place)
    place.release()
    assert {answer.status_code for answer in await asyncio.gather(*flood)} == {401}  # type: ignore[union-attr]
    assert looked_up.index("carol") <= AT_ONCE + 1


def admitted(session: str, address: str) -> Any:
    return large_bodies.admit([(b"cookie", f"hubbub_session={session}".encode())], address)


async def waiting(count: int) -> None:
    """Until so many look-ups wait."""
    await eventually_async(lambda: sum(each.count for each in login_checks.checks._networks.values()) == count)
