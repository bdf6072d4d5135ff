"""Every endpoint of rooms, called by everybody who may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from devices.models import Device, Member, Message, Room, Webhook
from devices.rooms import posting
from tests.bridges.rest.conftest import Callers, Sender, browser, caller, error, png

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

Call = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]
SECRET_WORD = "bergamot"
"""A word of a message in the room, which nobody without access may ever see."""


def ask(method: str, path: str, json: object = None, files: object = None) -> Call:
    def call(client: httpx.AsyncClient, room: int) -> Awaitable[httpx.Response]:
        more = {name: value for name, value in {"json": json, "files": files}.items() if value is not None}
        return client.request(method, f"/api/v1/{path.format(room=room)}", **more)  # type: ignore[arg-type]

    return call


OF_A_ROOM: dict[str, Call] = {
    "show_room": ask("GET", "rooms/{room}"),
    "rename_room": ask("PATCH", "rooms/{room}", {"name": "x"}),
    "list_members": ask("GET", "rooms/{room}/members"),
    "list_chat_commands": ask("GET", "rooms/{room}/chat-commands"),
    "mark_read": ask("PUT", "rooms/{room}/read", {"seq": 1}),
    "list_messages": ask("GET", "rooms/{room}/messages"),
    "post_message": ask("POST", "rooms/{room}/messages", {"text": "x"}),
    "edit_message": ask("PATCH", "rooms/{room}/messages/1", {"text": "x"}),
    "remove_message": ask("DELETE", "rooms/{room}/messages/1"),
    "list_revisions": ask("GET", "rooms/{room}/messages/1/revisions"),
    "search_room": ask("GET", f"rooms/{{room}}/search?q={SECRET_WORD}"),
    "post_file": ask("POST", "rooms/{room}/files", files={"file": ("a.png", png(), "image/png")}),
    "show_file": ask("GET", "rooms/{room}/files/1/a.png"),
    "list_webhooks": ask("GET", "rooms/{room}/webhooks"),
    "create_webhook": ask("POST", "rooms/{room}/webhooks", {"name": "x"}),
    "delete_webhook": ask("DELETE", "rooms/{room}/webhooks/1"),
}
OTHERS: dict[str, Call] = {
    "list_rooms": ask("GET", "rooms"),
    "create_room": ask("POST", "spaces/garden/rooms", {"name": "x"}),
    "search_rooms": ask("GET", f"search?q={SECRET_WORD}"),
    "show_inbox": ask("GET", "inbox"),
    "list_people": ask("GET", "people"),
    "post_direct_message": ask("POST", "people/carol/messages", {"text": "x"}),
    "block_person": ask("PUT", "people/carol/block"),
    "unblock_person": ask("DELETE", "people/carol/block"),
}
ENDPOINTS = {**OF_A_ROOM, **OTHERS}
CHANGING = [
    "rename_room",
    "mark_read",
    "post_message",
    "edit_message",
    "remove_message",
    "post_file",
    "create_webhook",
    "delete_webhook",
    "create_room",
    "post_direct_message",
    "block_person",
    "unblock_person",
]

each = pytest.mark.parametrize("call", ENDPOINTS.values(), ids=ENDPOINTS)
of_a_room = pytest.mark.parametrize("call", OF_A_ROOM.values(), ids=OF_A_ROOM)


@pytest.fixture
async def room_with_message(room: int, bob: User) -> int:
    """The room, in which bob has posted a message."""
    await posting.post(bob, room, f"{SECRET_WORD}, @carol")
    return room


@pytest.fixture
async def conversation(alice: User, bob: User, carol: User) -> int:
    """The conversation of bob and carol."""
    return (await posting.direct(bob, "carol", SECRET_WORD))[0]


async def nothing_happened(texts: int = 1) -> bool:
    texts_found = [text async for text in Message.objects.values_list("text", flat=True)]
    return len(texts_found) == texts and not await Webhook.objects.aexists()


@each
async def test_nobody_gets_401(api: Callers, room_with_message: int, call: Call) -> None:
    for client in (api.nobody, caller(Authorization="Bearer wrong"), caller(Authorization="Basic cHVtcC0xOng=")):
        error(await call(client, room_with_message), 401, "unauthenticated")
    assert await nothing_happened()


@each
async def test_a_device_s_credentials_are_not_those_of_a_person(
    pump_sender: Sender, room_with_message: int, call: Call
) -> None:
    client = caller()
    client.auth = pump_sender.basic
    error(await call(client, room_with_message), 401, "unauthenticated")


@each
async def test_a_token_ends_with_its_owner(api: Callers, bob: User, room_with_message: int, call: Call) -> None:
    await User.objects.filter(pk=bob.pk).aupdate(is_active=False)
    error(await call(api.bob, room_with_message), 401, "unauthenticated")


@of_a_room
async def test_a_foreign_room_answers_like_a_missing_one(
    api: Callers, meter_sender: Sender, room_with_message: int, call: Call
) -> None:
    """Mallory manages another space, which gives her no rights here."""
    foreign, missing = await call(api.mallory, room_with_message), await call(api.mallory, room_with_message + 1000)
    facts = str(error(foreign, 404, "not_found")).replace(str(room_with_message), str(room_with_message + 1000))
    assert facts == str(error(missing, 404, "not_found"))
    assert await nothing_happened()


@of_a_room
async def test_a_conversation_of_others_answers_like_a_missing_room(
    api: Callers, conversation: int, call: Call
) -> None:
    """Even for the manager of their space."""
    foreign, missing = await call(api.alice, conversation), await call(api.alice, conversation + 1000)
    facts = str(error(foreign, 404, "not_found")).replace(str(conversation), str(conversation + 1000))
    assert facts == str(error(missing, 404, "not_found"))
    assert await nothing_happened()


@of_a_room
async def test_a_lost_membership_counts_at_once(api: Callers, bob: User, room_with_message: int, call: Call) -> None:
    await Member.objects.filter(user=bob).adelete()
    error(await call(api.bob, room_with_message), 404, "not_found")


@pytest.mark.parametrize(
    "name", ["rename_room", "list_webhooks", "create_webhook", "delete_webhook", "create_room", "remove_message"]
)
async def test_what_only_managers_may_do_is_forbidden_to_others(
    api: Callers, room_with_message: int, name: str
) -> None:
    error(await ENDPOINTS[name](api.carol, room_with_message), 403, "forbidden")
    assert await nothing_happened()


@pytest.mark.parametrize("name", CHANGING)
async def test_a_login_changes_things_only_with_the_csrf_token(room_with_message: int, alice: User, name: str) -> None:
    client = await sync_to_async(browser)(alice)
    assert "CSRF" in str(error(await ENDPOINTS[name](client, room_with_message), 403, "forbidden")["message"])
    client.cookies.set("csrftoken", "x" * 32)
    client.headers.update({"X-CSRFToken": "x" * 32, "Origin": "http://evil.example"})
    assert "CSRF" in str(error(await ENDPOINTS[name](client, room_with_message), 403, "forbidden")["message"])
    assert await nothing_happened()


@pytest.mark.parametrize("name", [name for name in ENDPOINTS if name not in CHANGING and name != "show_file"])
async def test_a_login_reads(room_with_message: int, alice: User, name: str) -> None:
    assert (await ENDPOINTS[name](await sync_to_async(browser)(alice), room_with_message)).status_code == 200


@each
async def test_nothing_leaks_from_one_space_to_another(
    api: Callers, meter_sender: Sender, room_with_message: int, conversation: int, call: Call
) -> None:
    """Mallory calls every endpoint for her own room, and those for all rooms."""
    own = await Room.objects.aget(device=meter_sender.device)
    response = await call(api.mallory, own.pk)
    for word in (SECRET_WORD, "garden" if "spaces/garden" not in str(response.url) else SECRET_WORD, "pump"):
        assert word not in response.text.replace(f"q={SECRET_WORD}", "")


async def test_only_the_two_read_a_file_of_their_conversation(api: Callers, conversation: int) -> None:
    sent = await ENDPOINTS["post_file"](api.bob, conversation)
    seq = sent.json()["seq"]
    shown = (await api.carol.get(f"/api/v1/rooms/{conversation}/messages?around_seq={seq}")).json()
    [file] = shown["items"][-1]["files"]
    path = f"/api/v1/rooms/{conversation}/files/{file['id']}/a.png"
    assert [(await client.get(path)).status_code for client in (api.bob, api.carol)] == [200, 200]
    for client in (api.alice, api.mallory):
        error(await client.get(path), 404, "not_found")
    error(await api.nobody.get(path), 401, "unauthenticated")


async def test_a_file_cannot_be_read_through_a_room_of_one_s_own(
    api: Callers, meter_sender: Sender, pump: Device, room: int
) -> None:
    await ENDPOINTS["post_file"](api.bob, room)
    id = (await api.bob.get(f"/api/v1/rooms/{room}/messages")).json()["items"][0]["files"][0]["id"]
    own = await Room.objects.aget(device=meter_sender.device)
    error(await api.mallory.get(f"/api/v1/rooms/{own.pk}/files/{id}/a.png"), 404, "not_found")
