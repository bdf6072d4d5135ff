from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User

from devices.models import Device, Member, Room, Space
from devices.rooms import posting
from devices.runtime import database
from devices.values import Role
from tests.bridges.rest.conftest import Callers, Sender, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def test_rooms_are_listed_by_activity_with_unread_counts(
    api: Callers, bob: User, pump: Device, room: int, space: Space
) -> None:
    made = await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Tea break"})
    assert made.status_code == 201
    tea = made.json()["id"]
    await posting.post(bob, tea, "who makes tea?")
    await posting.post(bob, room, "the pump is loud, @carol")
    listed = (await api.carol.get("/api/v1/rooms")).json()
    assert listed["count"] == 2
    first, second = listed["items"]
    assert (first["id"], first["name"], first["device"]) == (room, "Irrigation pump", "pump-1")
    assert first["space"] == second["space"] == "garden"
    assert (first["seq"], first["read"], first["unread"], first["mentions"]) == (1, 0, 1, 1)
    assert (second["id"], second["name"], second["device"], second["unread"]) == (tea, "Tea break", None, 1)
    assert "with" not in first
    page = (await api.carol.get("/api/v1/rooms?limit=1&offset=1")).json()
    assert ([one["id"] for one in page["items"]], page["count"]) == ([tea], 2)


async def test_a_conversation_is_listed_once_it_has_a_message(api: Callers, alice: User, bob: User) -> None:
    """Opening its page creates it, even with somebody one has blocked."""
    room = await database.run(posting.conversation, bob, "alice")
    for client in (api.alice, api.bob):
        assert (await client.get("/api/v1/rooms")).json() == {"items": [], "count": 0}
    await posting.post(bob, room, "hi")
    for client in (api.alice, api.bob):
        listed = (await client.get("/api/v1/rooms")).json()
        assert ([one["id"] for one in listed["items"]], listed["count"]) == ([room], 1)


async def test_the_read_marker_never_moves_back(api: Callers, bob: User, room: int) -> None:
    for text in ("one", "two", "three @carol"):
        await posting.post(bob, room, text)
    for seq, unread, mentions in ((2, 1, 1), (1, 1, 1), (99, 0, 0)):
        assert (await api.carol.put(f"/api/v1/rooms/{room}/read", json={"seq": seq})).status_code == 204
        shown = (await api.carol.get(f"/api/v1/rooms/{room}")).json()
        assert (shown["unread"], shown["mentions"]) == (unread, mentions)
    assert shown["read"] == 3


@pytest.mark.parametrize("body", [{}, {"seq": -1}, {"seq": 2**63}, {"seq": "x"}, {"seq": 1, "more": 1}, []])
async def test_an_invalid_marker_is_refused_by_name(api: Callers, room: int, body: object) -> None:
    error(await api.carol.put(f"/api/v1/rooms/{room}/read", json=body), 422, "invalid")


async def test_managers_create_and_rename_rooms(api: Callers, room: int, space: Space) -> None:
    tea = (await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": " Tea "})).json()
    renamed = await api.alice.patch(f"/api/v1/rooms/{tea['id']}", json={"name": "Coffee"})
    assert (tea["name"], renamed.json()["name"]) == ("Tea", "Coffee")
    for client in (api.bob, api.carol):
        error(await client.post("/api/v1/spaces/garden/rooms", json={"name": "Mine"}), 403, "forbidden")
        error(await client.patch(f"/api/v1/rooms/{tea['id']}", json={"name": "Mine"}), 403, "forbidden")
    error(await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Coffee"}), 422, "invalid")
    error(
        await api.alice.patch(f"/api/v1/rooms/{room}", json={"name": "Other"}), 422, "invalid"
    )  # it has the name of its device
    assert await Room.objects.filter(device=None).acount() == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "nul\0", "a\nb", "\u202eevil", None, 5])
async def test_an_invalid_name_is_refused(api: Callers, space: Space, name: object) -> None:
    error(await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": name}), 422, "invalid")
    assert not await Room.objects.filter(device=None).aexists()


async def test_members_and_commands_are_listed_for_completion(api: Callers, room: int) -> None:
    members = (await api.carol.get(f"/api/v1/rooms/{room}/members")).json()["items"]
    assert members == [{"username": name, "bot": False} for name in ("alice", "bob", "carol")]
    commands = (await api.carol.get(f"/api/v1/rooms/{room}/chat-commands")).json()["items"]
    assert {"name": "get", "usage": "/get METRIC", "help": "shows the newest value of a metric"} in commands


async def test_a_room_without_a_device_offers_no_device_commands(api: Callers, space: Space) -> None:
    tea = (await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Tea"})).json()["id"]
    commands = (await api.bob.get(f"/api/v1/rooms/{tea}/chat-commands")).json()["items"]
    assert {"help", "who"} <= {command["name"] for command in commands}
    assert "set" not in {command["name"] for command in commands}


async def test_rooms_of_other_spaces_are_not_listed(
    api: Callers, mallory: User, meter_sender: Sender, room: int
) -> None:
    mine = (await api.mallory.get("/api/v1/rooms")).json()
    assert ([one["device"] for one in mine["items"]], mine["count"]) == (["meter-9"], 1)
    theirs = (await api.alice.get("/api/v1/rooms")).json()
    assert [one["device"] for one in theirs["items"]] == ["pump-1"]


@pytest.mark.parametrize("id", ["abc", "-1", "1.5", "9" * 30, "%00", "1%0A"])
async def test_an_impossible_id_is_not_found(api: Callers, room: int, id: str) -> None:
    error(await api.alice.get(f"/api/v1/rooms/{id}"), 404, "not_found")


async def test_two_requests_for_one_name_create_one_room(api: Callers, space: Space) -> None:
    made = await asyncio.gather(
        *[api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Tea"}) for _ in range(2)]
    )
    assert sorted(response.status_code for response in made) == [201, 422]


async def test_a_member_added_without_the_service_begins_with_everything_unread(
    api: Callers, mallory: User, bob: User, room: int
) -> None:
    """Only the service that adds members marks the earlier messages as read."""
    await posting.post(bob, room, "hello")
    await Member.objects.acreate(space_id=(await Room.objects.aget(pk=room)).space_id, user=mallory, role=Role.VIEWER)
    assert (await api.mallory.get(f"/api/v1/rooms/{room}")).json()["unread"] == 1
