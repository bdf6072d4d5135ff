"""History of availability, and how long a device may be silent. Access is tested in test_rights.py."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from devices.availability.checks import find_stale
from devices.availability.silence import record_listening
from devices.channel.events import AvailabilityChanged
from devices.models import AvailabilityChange, Device
from devices.runtime import database
from devices.values import now_us
from tests.bridges.rest.conftest import Callers, Sender, browser, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1"


@pytest.fixture
def history(pump: Device) -> None:
    rows = [("online", 10), ("offline", 20), ("online", 30), ("stale", 40)]
    AvailabilityChange.objects.bulk_create(
        AvailabilityChange(device=pump, status=status, at=at * 1000, count=at // 10) for status, at in rows
    )


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("start=20&end=40", [("online", 10), ("offline", 20), ("online", 30)]),
        ("start=25&end=26", [("offline", 20)]),
        ("start=0&end=11", [("online", 10)]),
        ("start=0&end=5", []),
        ("", [("stale", 40)]),
    ],
)
async def test_history_begins_with_the_status_in_force(api: Callers, window: str, expected: list[Any]) -> None:
    answer = (await api.carol.get(f"{PATH}/availability?{window}")).json()
    assert [(row["status"], row["at"]) for row in answer["items"]] == expected
    assert all(row["count"] == row["at"] // 10 for row in answer["items"])
    assert answer["flapping"] is False


async def test_a_flapping_device_is_marked(api: Callers, pump: Device) -> None:
    await AvailabilityChange.objects.acreate(device=pump, status="offline", at=now_us(), count=6)
    assert (await api.carol.get(f"{PATH}/availability")).json()["flapping"] is True


@pytest.mark.parametrize("window", ["start=x", "end=-5", "start=5&end=5"])
async def test_an_invalid_window_is_refused(api: Callers, pump: Device, window: str) -> None:
    error(await api.carol.get(f"{PATH}/availability?{window}"), 422, "invalid")


async def test_a_manager_sets_how_long_a_device_may_be_silent(api: Callers, pump: Device) -> None:
    for given, limit in ((90, 90), (None, 300)):
        answer = await api.alice.patch(PATH, json={"stale_after_s": given})
        assert answer.status_code == 200
        for facts in (answer.json(), (await api.carol.get(PATH)).json()):
            assert (facts["stale_after_s"], facts["silence_limit_s"]) == (given, limit)


async def test_a_field_that_is_not_given_stays(api: Callers, pump: Device) -> None:
    await api.alice.patch(PATH, json={"stale_after_s": 90})
    assert (await api.alice.patch(PATH, json={})).json()["stale_after_s"] == 90


@pytest.mark.parametrize("who", ["bob", "carol"])
async def test_only_managers_set_it(api: Callers, pump: Device, who: str) -> None:
    error(await getattr(api, who).patch(PATH, json={"stale_after_s": 90}), 403, "forbidden")
    await pump.arefresh_from_db()
    assert pump.stale_after_s is None


async def test_a_manager_of_another_space_cannot_set_it(api: Callers, pump: Device, meter_sender: Sender) -> None:
    error(await api.mallory.patch(PATH, json={"stale_after_s": 90}), 404, "not_found")
    assert (await api.mallory.patch("/api/v1/devices/meter-9", json={"stale_after_s": 90})).status_code == 200
    await pump.arefresh_from_db()
    assert pump.stale_after_s is None


@pytest.fixture
def alices_browser(alice: User) -> httpx.AsyncClient:
    return browser(alice)


async def test_a_login_needs_the_csrf_token(alices_browser: httpx.AsyncClient, pump: Device) -> None:
    error(await alices_browser.patch(PATH, json={"stale_after_s": 90}), 403, "forbidden")


@pytest.mark.parametrize(
    "given", [{"stale_after_s": 1}, {"stale_after_s": "x"}, {"stale_after_s": 10**9}, {"uid": "x"}]
)
async def test_invalid_changes_are_refused(api: Callers, pump: Device, given: dict[str, Any]) -> None:
    error(await api.alice.patch(PATH, json=given), 422, "invalid")


async def test_a_device_that_only_uses_http_becomes_stale_and_comes_back(api: Callers, pump_sender: Sender) -> None:
    async def send() -> None:
        sent = await caller().post(f"{PATH}/telemetry", content=b'{"a": 1}', auth=pump_sender.basic)
        assert sent.status_code == 200

    async def seen() -> str:
        return str((await api.carol.get(PATH)).json()["availability"])

    await send()
    assert await seen() == "online"
    later = now_us() + 311_000_000
    for moment in range(later - 320_000_000, later, 20_000_000):
        await database.run(record_listening, moment)
    events = await database.run(find_stale, later)
    assert [event.status for event in events if isinstance(event, AvailabilityChanged)] == ["stale"]
    assert await seen() == "stale"
    await send()
    assert await seen() == "online"
    items = (await api.carol.get(f"{PATH}/availability")).json()["items"]
    assert [row["status"] for row in items] == ["online", "stale", "online"]
