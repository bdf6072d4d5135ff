from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridges.codec.json_reading import MAX_PAYLOAD
from bridges.ingest import batches, budgets
from bridges.ingest.batches import BatchProcessor
from devices.channel import groups
from devices.channel.events import Event, TelemetryStored
from devices.channel.listener import Listener
from devices.models import Device, Reading
from devices.registry import logins
from devices.runtime import stats
from devices.runtime.login_throttle import LoginThrottle, ThrottleLimits
from devices.values import now_us
from tests.bridges.rest.conftest import Callers, Sender, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/devices/pump-1/telemetry"


async def test_telemetry_is_stored_before_the_answer(api: Callers, pump_sender: Sender) -> None:
    before = now_us() // 1000
    response = await caller().post(PATH, json={"speed": 40, "on": True}, auth=pump_sender.basic)
    assert (response.status_code, response.json()) == (200, {"stored": 2})
    found = (await api.carol.get("/api/v1/devices/pump-1")).json()
    assert found["availability"] == "online"
    assert {name: value for name, (_, value) in found["latest"].items()} == {"speed": 40, "on": True}
    assert before <= found["latest"]["speed"][0] <= now_us() // 1000


async def test_a_list_is_stored_under_its_own_times(api: Callers, pump_sender: Sender) -> None:
    body = [{"ts": 1_700_000_000_000, "values": {"speed": 1}}, {"ts": "2023-11-14T22:13:21Z", "values": {"speed": 2}}]
    for _ in range(2):  # sent twice: the key absorbs the repeat
        assert (await caller().post(PATH, json=body, auth=pump_sender.basic)).json() == {"stored": 2}
    query = {"metric": "speed", "start": "1700000000000", "end": "1700000002000"}
    found = (await api.carol.get("/api/v1/devices/pump-1/readings", params=query)).json()
    assert (found["t"], found["v"]) == ([1_700_000_000_000, 1_700_000_001_000], [1, 2])


async def test_the_content_type_does_not_matter(pump_sender: Sender) -> None:
    """`curl -d` announces its body as a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await caller().post(PATH, content=b'{"speed": 1}', headers=headers, auth=pump_sender.basic)
    assert response.json() == {"stored": 1}


async def test_viewers_are_notified(pump: Device, pump_sender: Sender) -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    listener = Listener(events.put_nowait, lambda *lost: None)
    await listener.start()
    await listener.join(groups.telemetry(groups.shard_of(pump.id)))
    await caller().post(PATH, json={"speed": 40}, auth=pump_sender.basic)
    async with asyncio.timeout(5):
        event = await events.get()
    await listener.stop()
    assert isinstance(event, TelemetryStored)
    assert [part.uid for part in event.parts] == ["pump-1"]
    assert '"speed":[[' in event.parts[0].json


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty_payload"),
        (b"{", 400, "invalid_json"),
        (b'{"a": "\xff"}', 400, "invalid_utf8"),
        ('{"a": 1}'.encode("utf-16"), 400, "invalid_encoding"),
        (b"[]", 422, "invalid_shape"),
        (b'{"a": NaN}', 422, "not_finite"),
        (b'{"a": 1e999}', 422, "not_finite"),
        (b'{"a": 9223372036854775808}', 422, "out_of_range"),
        (b'{"a": ' + b"1" * 100 + b"}", 422, "number_too_long"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, 422, "too_deep"),
        (b'{"a": "\\ud800"}', 422, "invalid_unicode"),
        (b'{"a": "\\u0000"}', 422, "nul_character"),
        (b'{"ts": "noon", "values": {"a": 1}}', 422, "timestamp_invalid"),
        (b'{"a": "' + b"x" * 1025 + b'"}', 422, "text_too_long"),
        (b" " * (MAX_PAYLOAD + 1), 413, "payload_too_large"),
    ],
)
async def test_invalid_telemetry_is_refused_by_name_and_the_next_is_stored(
    pump_sender: Sender, body: bytes, status: int, reason: str
) -> None:
    counter = stats.refused.labels(reason)
    before = counter._value.get()
    facts = error(await caller().post(PATH, content=body, auth=pump_sender.basic), status, "refused")
    assert facts["reason"] == reason
    assert facts["retry"] is False
    assert counter._value.get() == before + 1
    assert not await Reading.objects.aexists()
    assert (await caller().post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200


async def test_values_that_were_skipped_are_listed_in_the_answer(pump_sender: Sender) -> None:
    answer = await caller().post(PATH, content=b'{"a": 1, "p": [{}], "b": {"c": NaN}}', auth=pump_sender.basic)
    assert answer.status_code == 200
    facts = answer.json()
    assert (facts["stored"], facts["refused"], facts["reason"]) == (1, 2, "invalid_shape")
    assert [(one["key"], one["reason"], one["count"]) for one in facts["skipped"]] == [
        ("p", "invalid_shape", 1),
        ("b.c", "not_finite", 1),
    ]
    assert facts["message"] == facts["skipped"][0]["message"]


async def test_a_compressed_body_is_read(pump_sender: Sender) -> None:
    headers = {"Content-Encoding": "gzip"}
    sent = await caller().post(PATH, content=gzip.compress(b'{"t": 1}'), headers=headers, auth=pump_sender.basic)
    assert (sent.status_code, sent.json()) == (200, {"stored": 1})
    other = await caller().post(PATH, content=b"x", headers={"Content-Encoding": "br"}, auth=pump_sender.basic)
    assert error(other, 415, "refused")["reason"] == "unknown_encoding"
    damaged = await caller().post(PATH, content=b"x", headers=headers, auth=pump_sender.basic)
    assert error(damaged, 400, "refused")["reason"] == "invalid_gzip"


async def test_a_message_without_values_is_accepted(pump_sender: Sender) -> None:
    answer = await caller().post(PATH, content=b'{"a": null, "b": []}', auth=pump_sender.basic)
    assert (answer.status_code, answer.json()) == (200, {"stored": 0})


async def test_a_body_without_a_length_is_not_read_past_the_limit(pump_sender: Sender) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 32 * 1024

    facts = error(await caller().post(PATH, content=chunks(), auth=pump_sender.basic), 413, "refused")
    assert facts["reason"] == "payload_too_large"


async def test_the_largest_payload_is_stored(pump_sender: Sender) -> None:
    body = b'{"a": 1' + b" " * (MAX_PAYLOAD - 8) + b"}"
    assert len(body) == MAX_PAYLOAD
    assert (await caller().post(PATH, content=body, auth=pump_sender.basic)).json() == {"stored": 1}


async def test_a_device_over_its_rate_is_refused_while_others_are_served(
    pump_sender: Sender, meter_sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "BURST_US", 1_500_000)
    settings.DEVICE_RATE_LIMIT = 1
    monkeypatch.setattr(batches, "_shared", BatchProcessor())
    answers = [await caller().post(PATH, json={"a": 1}, auth=pump_sender.basic) for _ in range(5)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    facts = error(answers[2], 429, "refused")
    assert (facts["reason"], facts["retry"]) == ("rate_limited", True)
    assert int(answers[2].headers["retry-after"]) > 0
    other = await caller().post("/api/v1/devices/meter-9/telemetry", json={"a": 1}, auth=meter_sender.basic)
    assert other.status_code == 200


async def test_a_device_cannot_send_for_another_whether_it_exists_or_not(
    pump_sender: Sender, meter_sender: Sender
) -> None:
    foreign = await caller().post("/api/v1/devices/meter-9/telemetry", json={"a": 1}, auth=pump_sender.basic)
    missing = await caller().post("/api/v1/devices/meter-8/telemetry", json={"a": 1}, auth=pump_sender.basic)
    assert error(foreign, 404, "not_found") == {
        **error(missing, 404, "not_found"),
        "message": "there is no device 'meter-9'",
    }
    assert not await Reading.objects.aexists()


async def test_a_wrong_secret_and_an_unknown_uid_get_the_same_response(pump_sender: Sender) -> None:
    wrong = await caller().post(PATH, json={"a": 1}, auth=("pump-1", "0" * 64))
    unknown = await caller().post("/api/v1/devices/pump-2/telemetry", json={"a": 1}, auth=("pump-2", "0" * 64))
    assert error(wrong, 401, "unauthenticated") == error(unknown, 401, "unauthenticated")
    assert "Basic" in wrong.headers["www-authenticate"]
    assert not await Reading.objects.aexists()


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!", "Basic cHVtcC0x", "Basic /w==", "Basic AGE6AA==", "Digest pump-1"]
)
async def test_nothing_is_stored_without_readable_credentials(pump_sender: Sender, authorization: str) -> None:
    response = await caller(Authorization=authorization).post(PATH, json={"a": 1})
    error(response, 401, "unauthenticated")


async def test_people_cannot_send_telemetry(api: Callers, pump_sender: Sender) -> None:
    for who in (api.alice, api.nobody):
        error(await who.post(PATH, json={"a": 1}), 401, "unauthenticated")


async def test_wrong_secrets_of_a_device_are_throttled_per_address(pump_sender: Sender) -> None:
    guesser, other = caller("192.0.2.7"), caller("192.0.2.8")
    for _ in range(10):
        error(await guesser.post(PATH, json={"a": 1}, auth=("pump-1", "guess")), 401, "unauthenticated")
    response = await guesser.post(PATH, json={"a": 1}, auth=pump_sender.basic)
    assert error(response, 429, "too_many")["retry"] is True
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert (await other.post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200


async def test_a_device_that_is_new_at_a_guesser_s_address_gets_in_within_seconds(
    pump_sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    limits = ThrottleLimits(failures_per_network=30, further_look_ups_per_s=2)
    monkeypatch.setattr(logins, "throttle", LoginThrottle(limits, clock=lambda: now[0]))
    shared = caller("192.0.2.7")
    for n in range(31):
        error(await shared.post(PATH, json={"a": 1}, auth=(f"guess-{n}", "guess")), 401, "unauthenticated")
    refused = await shared.post(PATH, json={"a": 1}, auth=pump_sender.basic)
    error(refused, 429, "too_many")
    assert refused.headers["retry-after"] == "1"
    now[0] += 1
    assert (await shared.post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200


async def test_mqtt_and_http_share_what_is_known(pump_sender: Sender) -> None:
    shared = caller("192.0.2.7")
    logins.throttle.succeeded("192.0.2.7", pump_sender.device.uid)  # as the embedded broker reports it
    for n in range(300):
        logins.throttle.failed("192.0.2.7", f"guess-{n}")
    assert await logins.throttle.wait_s("192.0.2.7", "lamp") == 0
    error(await shared.post(PATH, json={"a": 1}, auth=("lamp", "guess")), 429, "too_many")
    assert (await shared.post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200


async def test_a_device_that_shares_the_guesser_s_address_is_not_locked_out(pump_sender: Sender) -> None:
    shared = caller("192.0.2.7")
    assert (await shared.post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200
    answers = [await shared.post(PATH, json={"a": 1}, auth=("pump-1", "guess")) for _ in range(32)]
    assert {answer.status_code for answer in answers} == {401}
    assert (await shared.post(PATH, json={"a": 1}, auth=pump_sender.basic)).status_code == 200
