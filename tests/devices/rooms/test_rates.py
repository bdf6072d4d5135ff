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
from devices.rooms import rooms as space_rooms
from devices.rooms.rates import ChatRates
from devices.runtime import database
from devices.values import Role, now_us
from tests.devices.rooms.device_rooms import room_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_only_the_person_over_the_rate_limit_is_refused(
    alice: User, bob: User, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for i in range(3):
        await posting.post(alice, room, f"m{i}")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    assert await posting.post(bob, room, "hello") == 4


async def test_a_person_over_the_rate_limit_can_post_again_a_minute_later(
    alice: User, pump: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    room = await room_of(pump)
    await posting.post(alice, room, "hello")
    posted = (await Message.objects.aget()).at
    for later_us, may in ((59_000_000, False), (60_000_000, True)):
        monkeypatch.setattr(rates, "now_us", lambda later_us=later_us: posted + later_us)
        if may:
            await posting.post(alice, room, "one more")
        else:
            with pytest.raises(TooMany):
                await posting.post(alice, room, "one more")


async def test_edits_and_removals_count_towards_the_rate_but_commands_from_pages_do_not(
    mallory: User, space: Space, pump: Device, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    room = await room_of(pump)
    for name in "abcd":
        await database.run(space_rooms.create, space, name)
    await database.run(provisioning.set_role, space, mallory, Role.OPERATOR)
    for _ in range(4):
        await lifecycle.issue(mallory, "pump-1", "set", {})  # from a control of a page
    seq = await posting.post(mallory, room, "helo")
    await editing.edit(mallory, room, seq, "hello")
    await editing.remove(mallory, room, seq)
    with pytest.raises(TooMany):
        await posting.post(mallory, room, "one more")


async def test_a_limit_of_zero_means_no_limit(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 0
    assert await posting.post(alice, await room_of(pump), "hello") == 1


async def test_a_repeated_message_does_not_count_towards_the_rate(alice: User, pump: Device, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for _ in range(3):
        assert await posting.post(alice, room, "hello", "k") == 1
    assert await posting.post(alice, room, "something else") == 2


async def test_repeats_have_a_rate_limit_of_their_own(
    alice: User, bob: User, pump: Device, published: list[Event], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for person in (alice, bob):
        await posting.post(person, room, "hello", "k")
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    published.clear()
    for _ in range(2):
        with pytest.raises(TooMany):
            await posting.post(alice, room, "hello", "k")
    assert published == []
    await posting.post(bob, room, "hello", "k")
    await posting.post(alice, room, "something else")
    now += 60_000_000
    assert await posting.post(alice, room, "hello", "k") == 1
    assert len(rates.current()._repeats) == 1  # the minute before is forgotten


async def test_a_repeat_over_its_limit_does_not_lock_the_room(
    alice: User, pump: Device, locked_rooms: list[int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT_RATE_LIMIT = 2
    now = now_us()
    monkeypatch.setattr(rates, "now_us", lambda: now)
    room = await room_of(pump)
    for _ in range(3):
        await posting.post(alice, room, "hello", "k")
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    locked_rooms.clear()
    with pytest.raises(TooMany):
        await posting.post(alice, room, "hello", "k")
    assert locked_rooms == []
    assert await posting.post(alice, room, "something else", "k2") == 2


async def test_a_request_over_the_rate_limit_does_not_lock_the_room(
    alice: User, pump: Device, locked_rooms: list[int], settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 2
    room = await room_of(pump)
    for key in "ab":
        await posting.post(alice, room, "hello", key)
    with pytest.raises(TooMany):
        await posting.post(alice, room, "one more")
    locked_rooms.clear()
    for call in (
        posting.post(alice, room, "one more"),
        posting.post(alice, room, "one more", "c"),
        editing.edit(alice, room, 1, "x"),
        editing.remove(alice, room, 1),
    ):
        with pytest.raises(TooMany):
            await call
    assert locked_rooms == []
    assert await posting.post(alice, room, "hello", "a") == 1
    assert locked_rooms == [room]


def test_a_clock_set_back_does_not_prolong_a_rate_limit(
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
