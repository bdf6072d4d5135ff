"""Bad input is refused by name, counted, and loses nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from devices.runtime import stats
from tests.bridges.mqtt.bridge.conftest import Bridged, kept, total
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("payload", [b'{"a": NaN}', b"\xff\xfe", b'{"a": 9223372036854775808}', b"", b'{"a":' * 500])
async def test_bad_telemetry_is_counted_and_the_next_good_message_arrives(bridged: Bridged, payload: bytes) -> None:
    before = total(stats.refused)
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7
    await eventually_async(lambda: total(stats.refused) == before + 1)  # perhaps only after the good one is shown


async def test_a_bad_message_is_kept_with_its_reason_and_its_beginning(bridged: Bridged) -> None:
    payload = b'{"a": "' + b"\x1b" * 100 + b"x" * 1000
    async with bridged.client() as client:
        await client.publish("devices/valve-1/telemetry", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7
    [row] = await kept(bridged.device, 1)
    assert (row.reason, row.kind, row.size, row.count) == ("invalid_json", "telemetry", len(payload), 1)
    assert row.start == '{"a": "' + r"\x1b" * 100 + "x" * 93


CATALOGUE: list[tuple[str, bytes, str]] = [
    ("telemetry", b'{"a": NaN}', "not_finite"),
    ("telemetry", b'{"a": -Infinity}', "not_finite"),
    ("telemetry", b'{"a": 1e999}', "not_finite"),
    ("telemetry", b'{"a": 9223372036854775808}', "out_of_range"),
    ("telemetry", b'{"a": 1%s}' % (b"0" * 64), "number_too_long"),
    ("telemetry", b'{"a":' * 9 + b"1" + b"}" * 9, "too_deep"),
    ("telemetry", b'{"a": "\xff"}', "invalid_utf8"),
    ("telemetry", '{"a": 1}'.encode("utf-16"), "invalid_encoding"),
    ("telemetry", b'{"a": "\\ud800"}', "invalid_unicode"),
    ("telemetry", b'{"a": "\\u0000"}', "nul_character"),
    ("telemetry", b'{"a": [{"b": 1}]}', "invalid_shape"),
    ("telemetry", b'{"ts": "yesterday", "values": {"a": 1}}', "timestamp_invalid"),
    ("telemetry", b'{"ts": 1760000000000, "a": 1}', "timestamp_misplaced"),
    ("telemetry", b"", "empty_payload"),
    ("telemetry", b"x" * 131_073, "payload_too_large"),
    ("telemetri", b'{"a": 1}', "bad_topic"),
    ("commands", b"{}", "bad_topic"),
    ("answers/a/b", b"{}", "bad_topic"),
]


async def test_bad_input_is_refused_by_name_acknowledged_and_kept(bridged: Bridged) -> None:
    async with bridged.client() as client:
        for kind, payload, _ in CATALOGUE:
            await client.publish(f"devices/valve-1/{kind}", payload, qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 7}', qos=1)
        assert (await bridged.telemetry())["a"][0][1] == 7  # on the same connection
    rows = await kept(bridged.device, len(CATALOGUE))
    found: Counter[str] = Counter()
    for row in rows:
        found[row.reason] += row.count
    assert found == Counter(reason for _, _, reason in CATALOGUE)
    topics = {row.key for row in rows if row.reason == "bad_topic"}
    assert topics == {f"devices/valve-1/{kind}" for kind, _, reason in CATALOGUE if reason == "bad_topic"}
    [large] = [row for row in rows if row.reason == "payload_too_large"]
    assert (large.size, large.start, large.detail) == (131_073, "x" * 200, "131073 bytes")


async def test_a_flood_of_bad_messages_needs_few_rows_and_every_one_counts(bridged: Bridged) -> None:
    async with bridged.client() as client:
        client.pending_calls_threshold = 10_000
        for _ in range(50):
            await asyncio.gather(
                *[client.publish("devices/valve-1/telemetry", b'{"a": NaN}', qos=1) for _ in range(100)]
            )
    rows = await kept(bridged.device, 5_000)
    assert sum(row.count for row in rows) == 5_000
    assert {row.reason for row in rows} <= {"not_finite", "rate_limited"}
    assert len(rows) <= 2


async def test_an_unknown_device_is_counted_and_loses_nothing_else(by_mosquitto: Bridged) -> None:
    before = stats.refused.labels("unknown_device")._value.get()
    async with by_mosquitto.client("stranger") as stranger, by_mosquitto.client() as client:
        await stranger.publish("devices/stranger/telemetry", '{"a": 1}', qos=1)
        await client.publish("devices/valve-1/telemetry", '{"a": 2}', qos=1)
        await by_mosquitto.telemetry()
    assert stats.refused.labels("unknown_device")._value.get() == before + 1
