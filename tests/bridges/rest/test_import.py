from __future__ import annotations

from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import User

from bridges.csv import importing
from bridges.rest import readings_csv
from devices.models import Device, Metric, Reading
from devices.rooms import provisioning
from devices.telemetry import store
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, now_us
from tests.bridges.rest.conftest import Callers, browser, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/readings.csv"


def recent(seconds: int) -> int:
    """Microseconds of a moment an hour ago, which no retention is short enough to refuse."""
    return (now_us() // 1_000_000 - 3600 + seconds) * 1_000_000


async def post(client: httpx.AsyncClient, content: str | bytes, path: str = PATH) -> httpx.Response:
    return await client.post(path, content=content, headers={"Content-Type": "text/csv"})


async def imported(client: httpx.AsyncClient, content: str | bytes) -> dict[str, Any]:
    response = await post(client, content)
    assert response.status_code == 200, response.text
    facts: dict[str, Any] = response.json()
    return facts


def rows(uid: str) -> list[Any]:
    found = Reading.objects.filter(metric__device__uid=uid).order_by("metric__name", "time")
    return list(found.values_list("metric__name", "time", "number", "text"))


async def test_an_exported_file_gives_the_same_readings_in_another_device(api: Callers, pump: Device) -> None:
    values = [1, 21.5, -3, 2**60, -0.0, 1e-320, 1e300, True, False, "open", "", "21.5", "true", "=1", "'x", 'a,"b"\n;c']
    samples = [Sample("a", value, recent(0) + i) for i, value in enumerate(values)]
    samples += [Sample(name, 1, recent(0)) for name in ("=b", "'c", "d,e", "f.g", "ü")]
    await sync_to_async(ReadingStore().store)([(pump, Telemetry(tuple(samples), now_us()))])
    await sync_to_async(provisioning.create_device)("pump-2", pump.space)
    file = (await api.alice.get(PATH)).content
    answer = await post(api.alice, file, "/api/v1/devices/pump-2/readings.csv")
    assert answer.json() == {"stored": len(samples), "present": 0, "refused": 0, "reasons": [], "lines": []}
    before, after = await sync_to_async(rows)("pump-1"), await sync_to_async(rows)("pump-2")
    assert repr(after) == repr(before)
    assert (await api.alice.get("/api/v1/devices/pump-2/readings.csv")).content == file


async def test_a_repeated_import_stores_and_changes_nothing(api: Callers, pump: Device) -> None:
    at = recent(0) // 1000
    facts = await imported(api.alice, f"time,speed,mode\n{at},1,on\n{at},2,\n{at + 1},3,\n")
    assert (facts["stored"], facts["present"]) == (3, 1)
    before = await sync_to_async(rows)("pump-1")
    facts = await imported(api.alice, f"time,speed\n{at},9\n{at + 2},4\n")
    assert (facts["stored"], facts["present"]) == (1, 1)
    assert [row for row in await sync_to_async(rows)("pump-1") if row in before] == before


async def test_refused_lines_are_listed_and_the_others_stored(api: Callers, pump: Device) -> None:
    at = recent(0) // 1000
    future = now_us() // 1000 + 600_000
    file = f"time,metric,value\n{at},a,1\n{at},a\n{future},a,1\n\nsoon,a,1\n{at},b,NaN\nlater,a,1\n{at},c,x\n"
    facts = await imported(api.alice, file)
    assert (facts["stored"], facts["present"], facts["refused"]) == (2, 0, 5)
    assert [(line["line"], line["reason"]) for line in facts["lines"]] == [
        (3, "wrong_columns"),
        (4, "time_in_future"),
        (6, "timestamp_invalid"),
        (7, "not_finite"),
        (8, "timestamp_invalid"),
    ]
    assert facts["lines"][2]["text"] == "soon,a,1"
    assert facts["reasons"][0] == {
        "reason": "timestamp_invalid",
        "meaning": "a time is neither milliseconds since 1970 nor ISO 8601",
        "count": 2,
    }


async def test_the_first_refused_lines_are_listed_and_all_are_counted(api: Callers, pump: Device) -> None:
    facts = await imported(api.alice, "time,a\n" + "soon,1\n" * 500)
    assert facts["refused"] == 500
    assert [line["line"] for line in facts["lines"]] == list(range(2, 2 + importing.MAX_LISTED))


async def test_the_limit_on_metrics_is_the_same_as_over_mqtt(
    api: Callers, pump: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_METRICS", 2)
    at = recent(0) // 1000
    facts = await imported(api.alice, f"time,a,b,c\n{at},1,2,3\n{at + 1},1,2,3\n")
    assert (facts["stored"], facts["refused"]) == (4, 2)
    assert facts["reasons"][0]["reason"] == "too_many_metrics"
    assert sorted([name async for name in Metric.objects.values_list("name", flat=True)]) == ["a", "b"]


async def test_values_older_than_readings_are_kept_are_refused(api: Callers, pump: Device) -> None:
    pump.space.raw_days = 30
    await pump.space.asave()
    old, at = (now_us() - 31 * 86_400_000_000) // 1000, recent(0) // 1000
    facts = await imported(api.alice, f"time,a\n{old},1\n{at},1\n")
    assert (facts["stored"], [(line["line"], line["reason"]) for line in facts["lines"]]) == (
        1,
        [(2, "older_than_retention")],
    )


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", 400, "empty_payload"),
        (b"\xff\xfet\0", 400, "invalid_encoding"),
        (b"time,\xff", 400, "invalid_utf8"),
        (b"a,b\n1,2\n", 422, "invalid_header"),
        (b'time,"a\n', 422, "invalid_csv"),
        (b"time,a,a\n", 422, "duplicate_key"),
        (b"x" * 1_000_000, 422, "line_too_long"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_by_name(
    api: Callers, pump: Device, content: bytes, status: int, reason: str
) -> None:
    response = await post(api.alice, content)
    assert error(response, status, "refused")["reason"] == reason


async def test_a_body_over_1_mib_is_too_large(api: Callers, pump: Device) -> None:
    error(await post(api.alice, b"time,a\n" + b"1,1\n" * 300_000), 413, "too_large")


async def test_only_managers_may_import(api: Callers, pump: Device) -> None:
    file = f"time,a\n{recent(0) // 1000},1\n"
    for client in (api.carol, api.bob):
        assert "manager" in str(error(await post(client, file), 403, "forbidden")["message"])
    error(await post(api.mallory, file), 404, "not_found")
    assert not await Reading.objects.aexists()
    assert (await imported(api.alice, file))["stored"] == 1


async def test_a_login_imports_only_with_the_csrf_token(alice: User, pump: Device) -> None:
    client = await sync_to_async(browser)(alice)
    file = f"time,a\n{recent(0) // 1000},1\n"
    error(await post(client, file), 403, "forbidden")
    client.cookies.set("csrftoken", "x" * 32)
    client.headers["X-CSRFToken"] = "x" * 32
    assert (await imported(client, file))["stored"] == 1


async def test_too_many_imports_at_once_are_refused_by_name(api: Callers, pump: Device) -> None:
    with readings_csv.imports, readings_csv.imports:
        assert error(await post(api.alice, "time,a\n"), 429, "too_many")["retry"] is True


async def test_viewers_are_not_notified(api: Callers, pump: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(type(get_channel_layer()), "group_send", lambda *args: sent.append(args))
    await imported(api.alice, f"time,a\n{recent(0) // 1000},1\n")
    await pump.arefresh_from_db()
    assert sent == []
    assert pump.availability == "unknown"
