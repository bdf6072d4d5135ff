from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from bridges.rest import readings_csv
from devices.errors import NotFound
from devices.models import Device, Member
from devices.rooms import provisioning
from devices.runtime import database
from devices.telemetry import export
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.bridges.rest.conftest import Callers, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/readings.csv"
T0 = 1_700_000_000_000_000
"""Microseconds; 2023-11-14T22:13:20Z."""


def store(device: Device, *samples: tuple[str, Any, int]) -> None:
    made = tuple(Sample(metric, value, time) for metric, value, time in samples)
    ReadingStore().store([(device, Telemetry(made, now_us()))])


@pytest.fixture(autouse=True)
def readings(pump: Device) -> None:
    store(pump, *(("speed", number / 2, T0 + number * 1_000_000) for number in range(4)))
    store(pump, ("mode", "=1+1", T0 + 5), ("on", True, T0))


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 2)


async def test_readings_are_sorted_by_metric_and_time(api: Callers, short_pages: None) -> None:
    response = await api.carol.get(PATH)
    assert response.text.splitlines() == [
        "time,metric,value",
        "2023-11-14T22:13:20.000005Z,mode,'=1+1",
        "2023-11-14T22:13:20.000Z,on,true",
        "2023-11-14T22:13:20.000Z,speed,0",
        "2023-11-14T22:13:21.000Z,speed,0.5",
        "2023-11-14T22:13:22.000Z,speed,1",
        "2023-11-14T22:13:23.000Z,speed,1.5",
    ]
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith('attachment; filename="pump-1-20')
    assert response.headers["cache-control"] == "no-store"


async def test_metrics_and_times_may_be_chosen(api: Callers) -> None:
    query = {"metric": ["speed", "on"], "start": str(T0 // 1000 + 1), "end": "2023-11-14T22:13:22Z"}
    response = await api.carol.get(PATH, params=query)
    assert response.text.splitlines()[1:] == ["2023-11-14T22:13:21.000Z,speed,0.5"]


async def test_a_device_without_readings_gives_only_the_first_line(api: Callers, pump: Device) -> None:
    assert (await api.carol.get(f"{PATH}?end={T0 // 1000}")).text == "time,metric,value\n"


@pytest.mark.parametrize("query", ["metric=pressure", "metric=speed&metric=pressure", "metric=%00", "metric="])
async def test_an_unknown_metric_is_not_found(api: Callers, query: str) -> None:
    error(await api.carol.get(f"{PATH}?{query}"), 404, "not_found")


async def test_a_metric_of_another_device_is_unknown(api: Callers, pump: Device) -> None:
    other, _ = await database.run(provisioning.create_device, "pump-2", pump.space)
    await database.run(store, other, ("flow", 1, T0))
    error(await api.carol.get(f"{PATH}?metric=flow"), 404, "not_found")
    assert ",flow," not in (await api.carol.get(PATH)).text


@pytest.mark.parametrize("query", ["start=yesterday", "end=1e12", f"start={T0}&end=0"])
async def test_an_invalid_time_is_named(api: Callers, query: str) -> None:
    error(await api.carol.get(f"{PATH}?{query}"), 422, "invalid")


async def test_the_extent_covers_what_an_export_holds(api: Callers) -> None:
    ms = T0 // 1000
    response = await api.carol.get("/api/v1/devices/pump-1/readings/extent")
    assert response.json() == {
        "items": [
            {"metric": "mode", "first": ms, "last": ms},
            {"metric": "on", "first": ms, "last": ms},
            {"metric": "speed", "first": ms, "last": ms + 3000},
        ]
    }


@pytest.fixture
def run(pump: Device, carol: User) -> Iterator[AsyncIterator[bytes]]:
    """An export of the four readings of `speed`, two at a time."""
    return readings_csv._Export(carol, pump.uid, export.extents(pump, ["speed"], 0, 2 * T0)).run()


async def test_new_readings_do_not_make_an_export_endless(
    run: AsyncIterator[bytes], pump: Device, short_pages: None
) -> None:
    await database.run(store, pump, *(("speed", number, T0 + number * 1_000_000) for number in range(4, 50)))
    assert b"".join([part async for part in run]).count(b"\n") == 1 + 4


async def test_the_end_of_a_membership_breaks_an_export_off(
    run: AsyncIterator[bytes], carol: User, short_pages: None
) -> None:
    await anext(run)
    await Member.objects.filter(user=carol).adelete()
    with pytest.raises(NotFound):
        await anext(run)
    assert readings_csv.exports.running == 0


async def test_a_client_that_disconnects_makes_room_for_another(run: AsyncGenerator[bytes], short_pages: None) -> None:
    await anext(run)
    assert readings_csv.exports.running == 1
    await run.aclose()
    assert readings_csv.exports.running == 0


async def test_too_many_exports_at_once_are_refused_by_name(api: Callers) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(readings_csv.MAX_EXPORTS):
            stack.enter_context(readings_csv.exports)
        facts = error(await api.carol.get(PATH), 429, "too_many")
    assert facts["retry"] is True
    assert "exports" in str(facts["message"])
    assert (await api.carol.get(PATH)).status_code == 200


async def test_one_person_cannot_hold_all_exports(api: Callers, carol: User) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(readings_csv.MAX_EXPORTS_EACH):
            stack.enter_context(readings_csv.exports.of(carol.pk))
        facts = error(await api.carol.get(PATH), 429, "too_many")
        assert "of yours" in str(facts["message"])
        assert (await api.bob.get(PATH)).status_code == 200


async def test_a_database_that_is_unavailable_at_the_beginning_gives_a_status(
    api: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "page", _unavailable)
    error(await api.carol.get(PATH), 503, "unavailable")
    assert readings_csv.exports.running == 0


async def test_a_database_that_fails_in_the_middle_breaks_the_response(
    api: Callers, monkeypatch: pytest.MonkeyPatch, short_pages: None
) -> None:
    pages = iter([export.page])
    monkeypatch.setattr(export, "page", lambda *args: next(pages, _unavailable)(*args))
    with pytest.raises(OperationalError):
        await api.carol.get(PATH)
    assert readings_csv.exports.running == 0


def _unavailable(*args: object) -> None:
    raise OperationalError("unavailable")
