from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async

from devices.models import Device, Reading
from devices.telemetry.rollups import RollupJob
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.bridges.rest.conftest import Callers, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/readings"
T0 = 1_700_000_000_000
"""Milliseconds; 2023-11-14T22:13:20Z."""


@pytest.fixture(autouse=True)
def ten_readings(pump: Device) -> None:
    """One a second, 0.0 to 4.5, and one from just now."""
    samples = [Sample("speed", second / 2, (T0 + second * 1000) * 1000) for second in range(10)]
    samples.append(Sample("mode", "eco", now_us() - 1_000_000))
    ReadingStore().store([(pump, Telemetry(tuple(samples), now_us()))])


async def test_raw_readings_are_two_columns(api: Callers) -> None:
    query = {"metric": "speed", "start": str(T0), "end": str(T0 + 3000)}
    response = await api.carol.get(PATH, params=query)
    assert response.json() == {
        "metric": "speed",
        "resolution": "raw",
        "t": [T0, T0 + 1000, T0 + 2000],
        "v": [0, 0.5, 1],
    }


async def test_more_readings_than_points_become_a_rollup(api: Callers) -> None:
    query = {"metric": "speed", "start": str(T0), "end": str(T0 + 10_000), "points": "2"}
    assert (await api.carol.get(PATH, params=query)).json() == {
        "metric": "speed",
        "resolution": "5s",
        "t": [T0, T0 + 5000],
        "min": [0, 2.5],
        "max": [2, 4.5],
        "mean": [1, 3.5],
        "last": [2, 4.5],
        "count": [5, 5],
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:22Z"),
        ("2023-11-14T22:13:20", "2023-11-14T22:13:22.000"),
        ("2023-11-15T00:13:20%2B02:00", str(T0 + 2000)),
        ("2023-11-15T00:13:20+02:00", str(T0 + 2000)),  # the "+" arrives as a space
    ],
)
async def test_times_may_be_iso_8601(api: Callers, start: str, end: str) -> None:
    response = await api.carol.get(f"{PATH}?metric=speed&start={start}&end={end}")
    assert response.json()["t"] == [T0, T0 + 1000], response.text


async def test_the_default_is_the_last_hour(api: Callers) -> None:
    assert (await api.carol.get(PATH, params={"metric": "speed"})).json()["t"] == []
    assert (await api.carol.get(PATH, params={"metric": "mode"})).json()["v"] == ["eco"]


async def test_the_default_start_is_an_hour_before_the_end(api: Callers) -> None:
    hour = 3_600_000
    for end, expected in ((T0 + hour, 10), (T0 + hour + 5000, 5), (T0, 0)):
        found = (await api.carol.get(PATH, params={"metric": "speed", "end": str(end)})).json()
        assert len(found["t"]) == expected


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "metric"),
        ("metric=speed&start=yesterday", "start"),
        ("metric=speed&end=1e12", "end"),
        ("metric=speed&end=0001-01-01", "end"),
        ("metric=speed&start=99999999999999999999", "start"),
        ("metric=speed&start=-1", "start"),
        (f"metric=speed&start={T0}&end={T0}", "start must be before end"),
        ("metric=speed&start=9999-01-01", "start must be before end"),
        ("metric=speed&points=0", "points"),
        ("metric=speed&points=5001", "points"),
        ("metric=speed&points=NaN", "points"),
    ],
)
async def test_an_invalid_parameter_is_named(api: Callers, query: str, named: str) -> None:
    assert named in str(error(await api.carol.get(f"{PATH}?{query}"), 422, "invalid")["message"])


@pytest.mark.parametrize("metric", ["pressure", "%00", "", "x" * 5000])
async def test_an_unknown_metric_is_not_found(api: Callers, metric: str) -> None:
    error(await api.carol.get(f"{PATH}?metric={metric}"), 404, "not_found")


async def test_the_time_format_of_browsers_is_accepted(api: Callers) -> None:
    """The result of `new Date().toISOString()`."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (await api.carol.get(PATH, params={"metric": "mode", "end": now})).status_code == 200


async def test_only_members_see_rollups_that_outlive_their_readings(api: Callers) -> None:
    await sync_to_async(roll_up_and_remove)()
    query = {"metric": "speed", "start": str(T0), "end": str(T0 + 10_000)}
    found = (await api.carol.get(PATH, params=query)).json()
    minute = T0 // 60_000 * 60_000
    assert (found["resolution"], found["t"], found["count"], found["last"]) == ("60s", [minute], [10], [4.5])
    foreign = error(await api.mallory.get(PATH, params=query), 404, "not_found")
    missing = error(await api.mallory.get(PATH.replace("pump-1", "pump-2"), params=query), 404, "not_found")
    assert str(foreign).replace("pump-1", "pump-2") == str(missing)


def roll_up_and_remove() -> None:
    job = RollupJob()
    while job.step():
        pass
    Reading.objects.filter(metric__name="speed").delete()
