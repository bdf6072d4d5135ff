"""The workers: order, bounds, and a script that must not delay others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async

from bridges.codec.payloads import decode_telemetry
from bridges.sources.decoders import limits, process
from bridges.sources.decoders import pool as pools
from bridges.sources.decoders.calls import Call, Outcome
from bridges.sources.decoders.pool import Pool
from devices.errors import Refusal
from devices.models import Decoder, Device, Space
from devices.registry import decoders
from devices.runtime import stats
from tests.bridges.sources.decoders.scripts import CHIRPSTACK, OLD, THINGS_NETWORK

pytestmark = pytest.mark.django_db(transaction=True)

LOOP = "function decodeUplink(input) {\n  if (input.bytes[0]) for (;;) {}\n  return {data: {a: 1}};\n}"
STUCK = LOOP.replace("for (;;) {}", "Array(4294967295).reverse();")


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    found = Pool()
    yield found
    await found.close()


async def stored(space: Space, script: str, name: str = "Sensor") -> Decoder:
    return await sync_to_async(decoders.create)(space, name, script)


async def test_a_payload_becomes_telemetry(pool: Pool, space: Space) -> None:
    decoder = await stored(space, CHIRPSTACK)
    found = await pool.decode(decoder.pk, bytes.fromhex("01670110"), 85, 1_000_000)
    samples = {one.metric: one.value for one in found.telemetry(1_000_000).samples}
    assert samples == {"port": 85, "variables": 0, "temperature_1": 27.2}


async def test_a_downlink_is_encoded(pool: Pool, space: Space) -> None:
    decoder = await stored(space, THINGS_NETWORK)
    downlink = await pool.encode(decoder.pk, {"interval": 9})
    assert (downlink.bytes, downlink.f_port) == ([1, 9], 3)


async def test_the_next_message_is_decoded_by_a_script_that_was_changed(pool: Pool, space: Space) -> None:
    decoder = await stored(space, OLD)
    await pool.decode(decoder.pk, b"\1\0\0", 1, 0)
    await sync_to_async(decoders.change)(decoder, script="function Decoder(b) { return {other: b[0]} }")
    assert (await pool.decode(decoder.pk, b"\1\0\0", 1, 0)).json == b'{"values":{"other":1}}'


async def test_a_decoder_that_was_deleted_refuses(pool: Pool, space: Space) -> None:
    decoder = await stored(space, OLD)
    id = decoder.pk
    await sync_to_async(decoders.delete)(decoder)
    with pytest.raises(Refusal, match="deleted"):
        await pool.decode(id, b"\1", 1, 0)


async def test_messages_come_back_in_order(pool: Pool, space: Space) -> None:
    decoder = await stored(space, "function Decoder(b) { return {n: b[0] * 256 + b[1]} }")
    found: list[Outcome] = []
    for number in range(1_000):
        pool.submit(decoder.pk, Call(number.to_bytes(2)), found.append)
    await pool.decode(decoder.pk, b"\0\0", 1, 0)
    samples = [decode_telemetry(one.json, 0).samples[0].value for one in found]
    assert samples == list(range(1_000))


async def test_more_messages_than_may_wait_are_refused_and_counted(pool: Pool, space: Space) -> None:
    decoder = await stored(space, OLD)
    dropped = stats.dropped.labels("decoder")._value.get()
    found: list[Outcome] = []
    for _ in range(limits.MAX_WAITING + 5):
        pool.submit(decoder.pk, Call(b"\0\0\0"), found.append)
    assert [one.reason for one in found] == ["decoder_busy"] * 5
    assert stats.dropped.labels("decoder")._value.get() == dropped + 5


async def test_a_device_that_floods_a_decoder_leaves_room_for_others(pool: Pool, space: Space) -> None:
    decoder = await stored(space, OLD)
    found: list[Outcome] = []
    for sender, count in (("flood", limits.MAX_WAITING + 5), ("calm", 3), ("flood", 1)):
        for _ in range(count):
            pool.submit(decoder.pk, Call(b"\0\0\0"), found.append, sender)
    assert [one.reason for one in found] == ["decoder_busy"] * 6


async def test_a_looping_script_delays_nobody_and_is_paused(pool: Pool, space: Space) -> None:
    loop, good = await stored(space, LOOP), await stored(space, OLD, "Good")
    await pool.decode(good.pk, b"\0\0\0", 1, 0)
    looping: list[Outcome] = []
    for _ in range(500):
        pool.submit(loop.pk, Call(b"\1"), looping.append)
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        await pool.decode(good.pk, b"\0\0\0", 1, 0)
        slowest = max(slowest, time.monotonic() - began)
    with pytest.raises(Refusal) as caught:
        await pool.decode(loop.pk, b"\1", 1, 0)
    assert caught.value.reason == "decoder_paused"
    assert [one.reason for one in looping] == ["decoder_timeout"] * 3 + ["decoder_paused"] * 497
    assert slowest < 0.5


async def test_a_script_that_is_paused_runs_again_once_it_is_changed(pool: Pool, space: Space) -> None:
    decoder = await stored(space, LOOP)
    for _ in range(3):
        with pytest.raises(Refusal, match="line 2"):
            await pool.decode(decoder.pk, b"\1", 1, 0)
    await sync_to_async(decoders.change)(decoder, script=OLD)
    assert await pool.decode(decoder.pk, b"\0\0\0", 1, 0)


async def test_a_worker_that_does_not_come_back_is_replaced(
    pool: Pool, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "WALL_S", 0.3)
    stuck, good = await stored(space, STUCK), await stored(space, OLD, "Good")
    found: list[Outcome] = []
    for payload in (b"\0", b"\1", b"\0"):
        pool.submit(stuck.pk, Call(payload), found.append)
    assert await pool.decode(good.pk, b"\0\0\0", 1, 0)
    await pool.decode(stuck.pk, b"\0", 1, 0)
    assert [one.reason for one in found] == ["", "decoder_timeout", ""]


async def test_a_worker_that_was_killed_is_replaced(pool: Pool, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[process.WorkerProcess] = []
    start = process.WorkerProcess.start

    async def observed() -> process.WorkerProcess:
        started.append(await start())
        return started[-1]

    monkeypatch.setattr(pools.WorkerProcess, "start", observed)
    decoder = await stored(space, OLD)
    await pool.decode(decoder.pk, b"\0\0\0", 1, 0)
    for worker in started:
        worker.kill()
    found: list[Outcome] = []
    for _ in range(5):
        pool.submit(decoder.pk, Call(b"\0\0\0"), found.append)
    await pool.decode(decoder.pk, b"\0\0\0", 1, 0)
    assert [one.reason for one in found] == [""] * 5


async def test_scripts_that_are_tried_wait_in_a_queue_of_their_own(pool: Pool, space: Space, pump: Device) -> None:
    decoder = await stored(space, OLD)
    tried, _ = await asyncio.gather(
        pool.run("alice", LOOP, [Call(b"\1", trial=True)] * 10), pool.decode(decoder.pk, b"\0\0\0", 1, 0)
    )
    assert [one.reason for one in tried] == ["decoder_timeout"] * 3 + ["decoder_paused"] * 7
