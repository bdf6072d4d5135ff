"""Those whose connection was closed because of what they sent stay out for a while."""

from __future__ import annotations

import math

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboards.live import penalties
from dashboards.live.connection import MAX_BAD_FRAMES
from dashboards.live.penalties import FIRST_S, LONGEST_S, QUIET_S, Penalties
from devices.models import Device
from devices.runtime import stats
from devices.spaces import tokens
from tests.dashboards.live.conftest import HandClock, Headers, Viewer, bearer, enter
from tests.dashboards.live.consumers.test_event_stream import Reading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


async def misbehave(headers: Headers) -> None:
    viewer = await enter(headers)
    for _ in range(MAX_BAD_FRAMES):
        await viewer.send("{")
    assert await viewer.closed() == 4400


async def refusal(headers: Headers) -> tuple[str, int]:
    viewer = Viewer(headers)
    assert await viewer.open()
    error = (await viewer.frame())["error"]
    return error["code"], await viewer.closed()


async def test_who_was_closed_is_refused_over_every_way_until_the_penalty_is_over(
    headers: dict[str, Headers], pump: Device, clock: HandClock
) -> None:
    before = stats.connections_refused._value.get()
    await misbehave(headers["carol"])
    assert await refusal(headers["carol"]) == ("too_many", 4429)
    stream = Reading("device=pump-1", headers["carol"])
    assert await stream.open() == 429
    assert stream.headers[b"retry-after"] == str(math.ceil(FIRST_S)).encode()
    assert stats.connections_refused._value.get() == before + 2
    clock.forward(FIRST_S)
    await (await enter(headers["carol"])).leave()


async def test_another_token_does_not_help_and_other_people_are_admitted(
    headers: dict[str, Headers], carol: User
) -> None:
    await misbehave(headers["carol"])
    another = bearer(await sync_to_async(tokens.create)(carol))
    assert await refusal(another) == ("too_many", 4429)
    await (await enter(headers["bob"])).leave()


async def test_connections_that_are_open_stay(headers: dict[str, Headers], pump: Device) -> None:
    other = await enter(headers["carol"])
    await misbehave(headers["carol"])
    await other.subscribe("device:pump-1")
    await other.leave()


def test_penalties_double_up_to_the_longest(clock: HandClock) -> None:
    kept, lengths = Penalties(clock), []
    for _ in range(8):
        kept.impose(1)
        lengths.append(kept.wait_s(1))
        clock.forward(kept.wait_s(1))
        assert kept.wait_s(1) == 0
    assert lengths == [FIRST_S, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]
    assert kept.wait_s(2) == 0


def test_a_quiet_minute_is_a_new_beginning(clock: HandClock) -> None:
    kept = Penalties(clock)
    for pause, length in ((0.0, 1), (QUIET_S - 1, 2), (QUIET_S, 1)):
        clock.forward(pause)
        kept.impose(1)
        assert kept.wait_s(1) == length
        clock.forward(length)


def test_the_memory_is_bounded(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penalties, "MAX_REMEMBERED", 3)
    kept = Penalties(clock)
    for person in range(10):
        kept.impose(person)
    assert [person for person in range(10) if kept.wait_s(person)] == [7, 8, 9]
