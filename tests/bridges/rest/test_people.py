"""Private messages over HTTP."""

from __future__ import annotations

import httpx
import pytest
from django.contrib.auth.models import User

from devices.models import Member, Message, Room
from tests.bridges.rest.conftest import Callers, Sender, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def write(client: httpx.AsyncClient, to: str, text: str = "hello", **fields: str) -> httpx.Response:
    return await client.post(f"/api/v1/people/{to}/messages", json={"text": text, **fields})


async def people(client: httpx.AsyncClient) -> dict[str, bool]:
    return {one["username"]: one["blocked"] for one in (await client.get("/api/v1/people")).json()["items"]}


async def test_two_people_have_one_conversation_whoever_begins(api: Callers) -> None:
    first, second = await write(api.bob, "carol", key="k"), await write(api.carol, "bob")
    assert (first.status_code, second.status_code) == (201, 201)
    room = first.json()["room"]
    assert (first.json()["seq"], second.json()) == (1, {"room": room, "seq": 2})
    assert (await write(api.bob, "carol", key="k")).json() == {"room": room, "seq": 1}
    assert await Room.objects.filter(space=None).acount() == 1


async def test_the_inbox_has_conversations_and_unread_counts(api: Callers, room: int) -> None:
    conversation = (await write(api.bob, "carol", "psst")).json()["room"]
    await api.bob.post(f"/api/v1/rooms/{room}/messages", json={"text": "hey @carol"})
    inbox = (await api.carol.get("/api/v1/inbox")).json()
    assert (inbox["direct"], inbox["mentions"], inbox["unread"]) == (1, 1, 1)
    [shown] = inbox["conversations"]
    assert (shown["id"], shown["with"], shown["name"], shown["space"]) == (conversation, "bob", "bob", None)
    assert (shown["last"]["text"], shown["unread"]) == ("psst", 1)
    assert [one["id"] for one in inbox["rooms"]] == [room]
    for id in (room, conversation):
        await api.carol.put(f"/api/v1/rooms/{id}/read", json={"seq": 1})
    inbox = (await api.carol.get("/api/v1/inbox")).json()
    assert (inbox["direct"], inbox["mentions"], inbox["unread"], inbox["rooms"]) == (0, 0, 0, [])
    assert (await api.bob.get("/api/v1/inbox")).json()["direct"] == 0  # one's own messages count as read


async def test_people_are_the_members_of_one_s_spaces(api: Callers, meter_sender: Sender) -> None:
    assert await people(api.bob) == {"alice": False, "carol": False}
    assert await people(api.mallory) == {}


@pytest.mark.parametrize("name", ["alice", "nobody", "mallory", "%00", "a%0Ab", "..%2f", "x" * 200])
async def test_a_stranger_answers_like_somebody_who_does_not_exist(api: Callers, bob: User, name: str) -> None:
    facts = error(await write(api.mallory, name), 404, "not_found")
    if name in ("alice", "nobody", "mallory"):
        assert str(facts["message"]) == f"there is nobody called {name!r} in your spaces"
    error(await api.mallory.put(f"/api/v1/people/{name}/block"), 404, "not_found")
    assert not await Message.objects.aexists()


async def test_a_block_works_both_ways_until_it_is_removed(api: Callers) -> None:
    await write(api.bob, "carol")
    assert (await api.carol.put("/api/v1/people/bob/block")).status_code == 204
    assert (await api.carol.put("/api/v1/people/bob/block")).status_code == 204  # a repeat changes nothing
    assert (await people(api.carol), await people(api.bob)) == (
        {"alice": False, "bob": True},
        {"alice": False, "carol": False},  # a person who is blocked does not see it
    )
    for client, to in ((api.bob, "carol"), (api.carol, "bob")):
        error(await write(client, to), 403, "forbidden")
    assert (await write(api.alice, "carol")).status_code == 201
    await api.bob.delete("/api/v1/people/carol/block")  # the block is not his to remove
    error(await write(api.bob, "carol"), 403, "forbidden")
    assert (await api.carol.delete("/api/v1/people/bob/block")).status_code == 204
    assert (await write(api.bob, "carol")).status_code == 201


async def test_a_third_person_does_not_find_a_conversation(api: Callers) -> None:
    room = (await write(api.bob, "carol", "psst")).json()["room"]
    for client in (api.alice, api.mallory):  # not even for the manager of their space
        for path in ("", "/messages", "/members", "/chat-commands", "/search?q=psst", "/messages/1/revisions"):
            error(await client.get(f"/api/v1/rooms/{room}{path}"), 404, "not_found")
        error(await client.post(f"/api/v1/rooms/{room}/messages", json={"text": "me too"}), 404, "not_found")
        error(await client.delete(f"/api/v1/rooms/{room}/messages/1"), 404, "not_found")
        assert (await client.get("/api/v1/search?q=psst")).json()["items"] == []
        assert (await client.get("/api/v1/inbox")).json()["conversations"] == []


async def test_nobody_manages_a_conversation(api: Callers) -> None:
    room = (await write(api.alice, "carol")).json()["room"]
    error(await api.alice.patch(f"/api/v1/rooms/{room}", json={"name": "mine"}), 403, "forbidden")
    error(await api.alice.post(f"/api/v1/rooms/{room}/webhooks", json={"name": "x"}), 403, "forbidden")
    error(await api.alice.delete(f"/api/v1/rooms/{room}/messages/1".replace("/1", "/2")), 404, "not_found")
    await write(api.carol, "alice", "mine")
    error(await api.alice.delete(f"/api/v1/rooms/{room}/messages/2"), 403, "forbidden")


async def test_a_person_who_left_the_space_reads_but_cannot_write(api: Callers, carol: User) -> None:
    room = (await write(api.carol, "bob")).json()["room"]
    await Member.objects.filter(user=carol).adelete()
    assert (await api.carol.get(f"/api/v1/rooms/{room}/messages")).status_code == 200
    error(await api.carol.post(f"/api/v1/rooms/{room}/messages", json={"text": "x"}), 403, "forbidden")
    error(await write(api.carol, "bob"), 404, "not_found")
