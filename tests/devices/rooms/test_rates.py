"""How many messages a person may send in a minute."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.channel.events import Event
from devices.commands import lifecycle
from devices.errors import TooMany
from devices.models import Device, Message, Space
from devices.rooms import editing, posting, provisioning, rates
from devices.rooms import rooms as rooms_rooms
from devices.rooms.rates import ChatRates
from devices.runtime import database
from devices.values import Role, now_us
from tests.devices.rooms.device_rooms import room_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_person_over_the_rate_is_refused_and_others_are_served(
    alice: User, bob: User, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for i in range(3):
        await posting.post(alice, room, f"m{i}")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    assert await posting.post(bob, room, "hello") == 4


async def test_who_was_over_the_rate_may_speak_again_a_minute_later(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    said = (await Message.objects.aget()).at
    for later_us, may in ((59_000_000, False), (60_000_000, True)):
        monkeypatch.setattr(rates, "now_us", lambda later_us=later_us: said + later_us)
        if may:
            await posting.post(alice, room, "one more")
        else:
            with pytest.raises(TooMany):
                await posting.post(alice, room, "one more")


async def test_edits_and_removals_count_and_coming_does_not(
    mallory: User, space: Space, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for name in "abcd":
        await database.run(rooms_rooms.create, space, name)
    await database.run(provisioning.set_role, space, mallory, Role.OPERATOR)
    for _ in range(4):
        await lifecycle.issue(mallory, "pump-1", "set", {})  # from a control of a page
    seq = await posting.post(mallory, room, "helo")
    await editing.edit(mallory, room, seq, "hello")
    await editing.remove(mallory, room, seq)
    with pytest.raises(TooMany):
        await posting.post(mallory, room, "one more")


async def test_without_a_limit_everybody_may_say_all(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 0
    assert await posting.post(alice, await room_of(pump), "hello") == 1


async def test_a_repeat_costs_nothing_of_the_rate(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for _ in range(3):
        assert await posting.post(alice, room, "hello", "k") == 1
    assert await posting.post(alice, room, "something else") == 2


async def test_repeats_are_told_again_within_bounds_of_their_own(
    alice: User, bob: User, pump: Device, told: list[Event], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for person in (alice, bob):
        await posting.post(person, room, "hello", "k")
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    told.clear()
    for _ in range(2):
        with pytest.raises(TooMany):
            await posting.post(alice, room, "hello", "k")
    assert told == []
    await posting.post(bob, room, "hello", "k")
    await posting.post(alice, room, "something else")
    now += 60_000_000
    assert await posting.post(alice, room, "hello", "k") == 1
    assert len(rates.current()._repeats) == 1  # the minute before is forgotten


async def test_who_repeats_too_much_holds_up_no_room(
    alice: User, pump: Device, held: list[int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 2
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    held.clear()
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    assert held == []
    assert await posting.post(alice, room, "something else", "k2") == 2


async def test_who_is_over_the_rate_holds_up_no_room(alice: User, pump: Device, held: list[int], settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for key in "ab":
        await posting.post(alice, room, "hello", key)
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    held.clear()
    for call in (
        posting.post(alice, room, "one more"),
        posting.post(alice, room, "one more", "c"),
        editing.edit(alice, room, 1, "x"),
        editing.remove(alice, room, 1),
    ):
        with pytest.raises(TooMany):
            await call
    assert held == []
    assert await posting.post(alice, room, "hello", "a") == 1
    assert held == [room]


def test_a_clock_that_is_set_back_keeps_nobody_out(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    limits = ChatRates()
    posting._post(limits, alice, pump.room.pk, "hello", None)
    with pytest.raises(TooMany):
        posting._post(limits, alice, pump.room.pk, "one more", None)
    speaker, now = rates.of_person(alice), now_us()
    assert limits.is_over(speaker)
    monkeypatch.setattr(rates, "now_us", lambda: now - 3_600_000_000)
    assert not limits.is_over(speaker)
