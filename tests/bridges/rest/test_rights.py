"""Every endpoint of devices, called by everybody who may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from bridges.rest.api import api as ninja_api
from devices.models import Command, Device, Member
from devices.runtime import database
from tests.bridges.rest import test_room_rights, test_source_rights
from tests.bridges.rest.conftest import Callers, Sender, browser, caller, error, with_token

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[httpx.AsyncClient, str], Awaitable[httpx.Response]]


def get(path: str) -> Call:
    return lambda client, uid: client.get(f"/api/v1/devices{path.format(uid=uid)}")


ENDPOINTS: dict[str, Call] = {
    "list_devices": get(""),
    "show_device": get("/{uid}"),
    "change_device": lambda client, uid: client.patch(f"/api/v1/devices/{uid}", json={"stale_after_s": 60}),
    "show_availability": get("/{uid}/availability"),
    "show_readings": get("/{uid}/readings?metric=speed"),
    "export_readings": get("/{uid}/readings.csv"),
    "show_extent": get("/{uid}/readings/extent"),
    "import_readings": lambda client, uid: client.post(f"/api/v1/devices/{uid}/readings.csv", content=b"time,a\n"),
    "show_device_retention": get("/{uid}/retention"),
    "change_metric_retention": lambda client, uid: client.patch(f"/api/v1/devices/{uid}/retention?metric=a", json={}),
    "list_metrics": get("/{uid}/metrics"),
    "change_metric": lambda client, uid: client.patch(f"/api/v1/devices/{uid}/metrics?metric=a", json={}),
    "delete_metric": lambda client, uid: client.delete(f"/api/v1/devices/{uid}/metrics?metric=a"),
    "list_commands": get("/{uid}/commands"),
    "list_refusals": get("/{uid}/refusals"),
    "show_command": get("/{uid}/commands/abc"),
    "issue_command": lambda client, uid: client.post(f"/api/v1/devices/{uid}/commands", json={"name": "set"}),
}
"""All endpoints of devices for people."""
OF_SPACES = {"show_space_retention", "change_space_retention"}
"""Tested in test_retention.py; `store_telemetry`, for devices, in test_telemetry.py, and `post_to_webhook`, for anybody
who knows the address, in test_webhooks.py."""

OF_DECODERS = {"list_decoders", "create_decoder", "show_decoder", "change_decoder", "delete_decoder", "try_decoder"}
"""Tested in tests/bridges/sources/decoders/test_api.py."""

of_a_device = pytest.mark.parametrize("call", [call for name, call in ENDPOINTS.items() if name != "list_devices"])
each = pytest.mark.parametrize("call", ENDPOINTS.values(), ids=ENDPOINTS)


OF_GATEWAYS = ("store_telemetry_of_children", "store_format_of_children")
"""For devices, and tested in test_gateways.py."""


def test_no_endpoint_is_left_out() -> None:
    operations = {
        operation["operationId"]
        for methods in ninja_api.get_openapi_schema()["paths"].values()
        for operation in methods.values()
    }
    elsewhere = {"store_telemetry", "post_to_webhook", "watch"}  # the last is not ninja's, and a live connection
    assert operations == {
        *ENDPOINTS,
        *OF_SPACES,
        *OF_DECODERS,
        *test_room_rights.ENDPOINTS,
        *test_source_rights.ENDPOINTS,
        *elsewhere,
        *OF_GATEWAYS,
    }


@each
async def test_nobody_gets_401(api: Callers, pump: Device, call: Call) -> None:
    response = await call(api.nobody, "pump-1")
    error(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"  # not Basic, for which a browser opens a dialog


@each
@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer", "Bearer ", "bearer a b", "Basic cHVtcC0xOng=", "Token x"]
)
async def test_an_invalid_token_gets_401(api: Callers, pump: Device, call: Call, authorization: str) -> None:
    error(await call(caller(Authorization=authorization), "pump-1"), 401, "unauthenticated")


@each
async def test_a_device_s_credentials_are_not_those_of_a_person(pump_sender: Sender, call: Call) -> None:
    client = caller()
    client.auth = pump_sender.basic
    error(await call(client, "pump-1"), 401, "unauthenticated")


@of_a_device
async def test_a_foreign_device_answers_like_a_missing_one(api: Callers, pump: Device, call: Call) -> None:
    foreign, missing = await call(api.mallory, "pump-1"), await call(api.mallory, "pump-2")
    assert str(error(foreign, 404, "not_found")).replace("pump-1", "pump-2") == str(error(missing, 404, "not_found"))


@of_a_device
@pytest.mark.parametrize("uid", ["%00", "pump-1%0A", "..", "a b", "x" * 65, "é", "%ff"])
async def test_an_impossible_uid_is_not_found(api: Callers, pump: Device, call: Call, uid: str) -> None:
    error(await call(api.alice, uid), 404, "not_found")


@each
async def test_a_token_ends_with_its_owner(api: Callers, bob: User, pump: Device, call: Call) -> None:
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    error(await call(api.bob, "pump-1"), 401, "unauthenticated")


@of_a_device
async def test_a_lost_membership_counts_at_once(api: Callers, bob: User, pump: Device, call: Call) -> None:
    await Member.objects.filter(user=bob).adelete()
    error(await call(api.bob, "pump-1"), 404, "not_found")


async def test_a_manager_of_another_space_has_no_rights_here(
    api: Callers, mallory: User, meter_sender: Sender, pump: Device
) -> None:
    command = await api.mallory.post("/api/v1/devices/meter-9/commands", json={"name": "set"})
    assert command.status_code == 202
    error(await api.mallory.post("/api/v1/devices/pump-1/commands", json={"name": "set"}), 404, "not_found")
    assert [command.device_id async for command in Command.objects.all()] == [meter_sender.device.id]


@pytest.fixture
def bobs_browser(bob: User) -> httpx.AsyncClient:
    return browser(bob)


async def test_a_login_reads(bobs_browser: httpx.AsyncClient, pump: Device) -> None:
    assert (await ENDPOINTS["show_device"](bobs_browser, "pump-1")).status_code == 200


async def test_a_login_writes_only_with_the_csrf_token(bobs_browser: httpx.AsyncClient, pump: Device) -> None:
    issue = ENDPOINTS["issue_command"]
    assert "CSRF" in str(error(await issue(bobs_browser, "pump-1"), 403, "forbidden")["message"])
    bobs_browser.cookies.set("csrftoken", "x" * 32)
    error(await issue(bobs_browser, "pump-1"), 403, "forbidden")
    bobs_browser.headers["X-CSRFToken"] = "x" * 32
    assert (await issue(bobs_browser, "pump-1")).status_code == 202
    assert await Command.objects.acount() == 1


async def test_a_foreign_origin_cannot_write(bobs_browser: httpx.AsyncClient, pump: Device) -> None:
    bobs_browser.cookies.set("csrftoken", "x" * 32)
    bobs_browser.headers.update({"X-CSRFToken": "x" * 32, "Origin": "http://evil.example"})
    error(await ENDPOINTS["issue_command"](bobs_browser, "pump-1"), 403, "forbidden")
    assert not await Command.objects.aexists()


async def test_a_token_needs_no_csrf_token(api: Callers, pump: Device) -> None:
    assert (await ENDPOINTS["issue_command"](api.bob, "pump-1")).status_code == 202


async def test_a_login_does_not_make_up_for_a_wrong_token(bobs_browser: httpx.AsyncClient, pump: Device) -> None:
    bobs_browser.headers["Authorization"] = "Bearer wrong"
    error(await ENDPOINTS["show_device"](bobs_browser, "pump-1"), 401, "unauthenticated")


async def test_an_expired_login_is_refused(bobs_browser: httpx.AsyncClient, pump: Device) -> None:
    await Session.objects.all().aupdate(expire_date=timezone.now() - timedelta(seconds=1))
    error(await ENDPOINTS["show_device"](bobs_browser, "pump-1"), 401, "unauthenticated")


async def test_a_changed_password_ends_a_login(bobs_browser: httpx.AsyncClient, bob: User, pump: Device) -> None:
    bob.set_password("another one")
    await bob.asave()
    error(await ENDPOINTS["show_device"](bobs_browser, "pump-1"), 401, "unauthenticated")


async def test_a_forged_cookie_is_refused(pump: Device) -> None:
    client = caller()
    client.cookies.set("hubbub_session", "forged")
    error(await ENDPOINTS["issue_command"](client, "pump-1"), 401, "unauthenticated")


async def test_a_person_may_have_two_tokens(bob: User, pump: Device) -> None:
    both = [await database.run(with_token, bob) for _ in range(2)]
    assert [(await client.get("/api/v1/devices")).status_code for client in both] == [200, 200]
