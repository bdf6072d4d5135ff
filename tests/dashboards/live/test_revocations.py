"""Logins that end and permissions that are lost while connections are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from dashboards.live.relay import Relay
from dashboards.models import Dashboard, Widget
from devices.channel import fanout
from devices.channel.events import AvailabilityChanged
from devices.models import ApiToken, Device, Member
from devices.spaces import tokens
from devices.values import Role
from tests.dashboards.live.conftest import HandClock, Headers, Viewer, bearer, cookie, enter, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


@pytest.fixture
def people(transactional_db: None, alice: User, bob: User, carol: User) -> dict[str, User]:
    return {user.username: user for user in (alice, bob, carol)}


async def by_cookie(user: User) -> Viewer:
    return await enter(cookie(await sync_to_async(sign_in)(user)))


async def by_token(user: User) -> Viewer:
    return await enter(bearer(await sync_to_async(tokens.create)(user)))


async def is_refused_and_closed(viewer: Viewer) -> None:
    error = await viewer.push("error")
    assert error["error"]["code"] == "unauthenticated"
    assert await viewer.closed() == 4401


async def test_signing_out_closes_only_the_connections_of_that_login(people: dict[str, User]) -> None:
    client = Client()
    await sync_to_async(client.force_login)(people["alice"], "django.contrib.auth.backends.ModelBackend")
    here = await enter(cookie(client.cookies["hubbub_session"].value))
    elsewhere, program, other = await by_cookie(people["alice"]), await by_token(people["alice"]), None
    other = await by_cookie(people["bob"])
    response = await sync_to_async(client.post)("/logout/", headers={"host": "localhost"})
    assert response.status_code == 302
    await is_refused_and_closed(here)
    for viewer in (elsewhere, program, other):
        assert await viewer.is_quiet()
        await viewer.leave()


async def test_the_session_is_deleted_before_its_connections_check_it(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django sends its signal first and deletes afterwards."""
    left: list[int] = []
    monkeypatch.setattr(fanout, "publish_from_sync", lambda events: left.append(Session.objects.count()))
    client = Client()
    await sync_to_async(client.force_login)(people["alice"], "django.contrib.auth.backends.ModelBackend")
    await sync_to_async(client.post)("/logout/", headers={"host": "localhost"})
    assert left == [0]


def change_password(user: User) -> None:
    user.set_password("another")
    user.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def delete(user: User) -> None:
    user.delete()


def delete_tokens(user: User) -> None:
    user.api_tokens.all().delete()


@pytest.mark.parametrize(
    ("end", "arrive"),
    [
        (change_password, by_cookie),
        (deactivate, by_cookie),
        (deactivate, by_token),
        (delete, by_cookie),
        (delete, by_token),
        (delete_tokens, by_token),
    ],
)
async def test_a_login_that_ends_closes_its_connections_at_once(
    people: dict[str, User], end: Callable[[User], None], arrive: Any
) -> None:
    """By the event: there is no regular check in this test."""
    viewer, other = await arrive(people["carol"]), await by_cookie(people["bob"])
    await sync_to_async(end)(people["carol"])
    await is_refused_and_closed(viewer)
    assert await other.is_quiet()
    await other.leave()


async def test_checking_a_login_changes_nothing(people: dict[str, User], relay: Relay) -> None:
    """The page on which people change their own password saves the person before the session."""
    viewer = await by_cookie(people["carol"])
    await sync_to_async(change_password)(people["carol"])
    await is_refused_and_closed(viewer)
    assert await Session.objects.acount() == 1


async def test_signing_in_elsewhere_and_a_new_membership_disturb_nobody(
    people: dict[str, User], foreign_pump: Device
) -> None:
    viewer = await by_cookie(people["carol"])
    second = await by_cookie(people["carol"])
    await Member.objects.acreate(space=foreign_pump.space, user=people["carol"], role=Role.VIEWER)
    assert await viewer.is_quiet()
    await viewer.subscribe("device:pump-2")
    for open_ in (viewer, second):
        await open_.leave()


async def test_a_lost_membership_ends_the_streams_but_not_the_connection(
    people: dict[str, User], pump: Device, dashboard: Dashboard, foreign_pump: Device
) -> None:
    member = await Member.objects.acreate(space=foreign_pump.space, user=people["carol"], role=Role.VIEWER)
    viewer, stays = await by_cookie(people["carol"]), await by_cookie(people["bob"])
    for stream in ("device:pump-1", f"dashboard:{dashboard.pk}", "device:pump-2"):
        await viewer.subscribe(stream)
    await stays.subscribe("device:pump-1")

    await Member.objects.exclude(pk=member.pk).filter(user=people["carol"]).adelete()
    ended = [await viewer.push("unsubscribed") for _ in range(2)]
    assert {push["stream"] for push in ended} == {"device:pump-1", f"dashboard:{dashboard.pk}"}
    assert {push["reason"] for push in ended} == {"forbidden"}

    await fanout.publish([AvailabilityChanged(pump.pk, "pump-1", "online", 1)])
    assert (await stays.push("availability"))["device"] == "pump-1"
    assert await viewer.is_quiet()
    reply = await viewer.request("subscribe", stream="device:pump-1")
    assert reply["error"]["code"] == "not_found"
    await fanout.publish([AvailabilityChanged(foreign_pump.pk, "pump-2", "online", 1)])
    assert (await viewer.push("availability"))["device"] == "pump-2"
    for open_ in (viewer, stays):
        await open_.leave()


async def expire(user: User) -> None:
    await Session.objects.aupdate(expire_date="2020-01-01T00:00:00Z")


async def delete_session_row(user: User) -> None:
    await Session.objects.all().adelete()


async def deactivate_row(user: User) -> None:
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)


async def change_password_row(user: User) -> None:
    await User.objects.filter(pk=user.pk).aupdate(password="md5$another")


@pytest.mark.parametrize("end", [expire, delete_session_row, change_password_row])
async def test_an_end_without_an_event_is_found_by_the_regular_check(
    people: dict[str, User], relay: Relay, clock: HandClock, end: Any
) -> None:
    viewer = await by_cookie(people["carol"])
    await relay.monitor.run_once()
    await end(people["carol"])
    clock.forward(9)
    await relay.monitor.run_once()
    assert await viewer.is_quiet()  # checked a moment ago
    await viewer.send({"type": "pong"})
    assert await viewer.is_quiet()
    clock.forward(12)
    await relay.monitor.run_once()
    await is_refused_and_closed(viewer)


async def test_a_deactivation_without_an_event_is_found_in_the_next_round(
    people: dict[str, User], relay: Relay
) -> None:
    viewer, other = await by_cookie(people["carol"]), await by_cookie(people["bob"])
    await relay.monitor.run_once()
    await deactivate_row(people["carol"])
    await relay.monitor.run_once()
    await is_refused_and_closed(viewer)
    assert await other.is_quiet()
    await other.leave()


async def test_a_deactivated_operator_cannot_command_over_an_open_socket(people: dict[str, User], pump: Device) -> None:
    viewer = await by_token(people["bob"])
    assert (await viewer.request("command", device="pump-1", name="stop"))["ok"]
    await deactivate_row(people["bob"])
    assert (await viewer.request("command", device="pump-1", name="stop"))["error"]["code"] == "not_found"
    await viewer.leave()


async def test_a_deleted_token_is_found_by_the_regular_check(
    people: dict[str, User], relay: Relay, clock: HandClock
) -> None:
    viewer = await by_token(people["carol"])
    await sync_to_async(ApiToken.objects.all()._raw_delete)("default")
    await relay.monitor.run_once()
    await is_refused_and_closed(viewer)


async def test_a_membership_lost_without_an_event_is_found_by_the_regular_check(
    people: dict[str, User], pump: Device, relay: Relay
) -> None:
    viewer = await by_cookie(people["carol"])
    await viewer.subscribe("device:pump-1")
    await sync_to_async(Member.objects.filter(user=people["carol"])._raw_delete)("default")
    await relay.monitor.run_once()
    assert await viewer.push("unsubscribed") == {
        "type": "unsubscribed",
        "stream": "device:pump-1",
        "reason": "forbidden",
    }
    await viewer.leave()


async def test_a_changed_dashboard_is_resynced(
    people: dict[str, User], dashboard: Dashboard, relay: Relay, pump: Device
) -> None:
    viewer = await by_cookie(people["carol"])
    stream = f"dashboard:{dashboard.pk}"
    await viewer.subscribe(stream)
    await Widget.objects.filter(device=pump).adelete()
    await relay.monitor.run_once()
    assert await viewer.push("resync") == {"type": "resync", "streams": [stream], "reason": "changed"}
    await fanout.publish([AvailabilityChanged(pump.pk, "pump-1", "online", 1)])
    assert await viewer.is_quiet()
    assert set((await viewer.subscribe(stream))["devices"]) == {"fan-1"}
    await viewer.leave()


async def test_an_unavailable_database_does_not_end_a_login(
    people: dict[str, User], relay: Relay, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def fail(*args: object) -> None:
        raise OperationalError("no database")

    viewer = await by_cookie(people["carol"])
    with monkeypatch.context() as patched:
        patched.setattr("dashboards.live.logins.person", fail)
        await relay.monitor.run_once()
    assert await viewer.is_quiet()
    await Session.objects.all().adelete()
    await relay.monitor.run_once()  # at once, not after the usual time
    await is_refused_and_closed(viewer)


async def test_a_connection_is_checked_again_right_after_it_opened(headers: dict[str, Headers], relay: Relay) -> None:
    """The login may have ended between the check at the entrance and the joining of the group that reports it."""
    viewer = await enter(headers["carol"])
    (connection,) = relay.connections
    assert connection.checked_at < relay.clock() - 30
    await viewer.leave()
