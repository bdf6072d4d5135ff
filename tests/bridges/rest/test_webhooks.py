"""Secret addresses that post to a room."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bridges.rest import webhooks
from devices.models import Message, Room, Webhook
from devices.runtime.login_throttle import LoginThrottle, ThrottleLimits
from tests.bridges.rest.conftest import Callers, caller, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def make(api: Callers, room: int, name: str = "builds") -> str:
    """The path of a new webhook."""
    made = await api.alice.post(f"/api/v1/rooms/{room}/webhooks", json={"name": name})
    assert made.status_code == 201, made.text
    return urlsplit(made.json()["url"]).path


async def test_a_post_becomes_a_message_under_the_webhook_s_name(api: Callers, room: int) -> None:
    path = await make(api, room)
    posted = await api.nobody.post(path, json={"text": "green, @carol"})
    assert (posted.status_code, posted.json()) == (201, {"seq": 1})
    [message] = (await api.carol.get(f"/api/v1/rooms/{room}/messages")).json()["items"]
    assert (message["author"], message["origin"], message["text"]) == ("builds", "bot", "green, @carol")
    assert (await api.carol.get("/api/v1/inbox")).json()["mentions"] == 1


async def test_the_address_is_shown_once_and_stored_as_a_hash(api: Callers, room: int) -> None:
    path = await make(api, room)
    secret = path.rpartition("/")[2]
    assert len(secret) >= 43
    listed = await api.alice.get(f"/api/v1/rooms/{room}/webhooks")
    [shown] = listed.json()["items"]
    assert (shown["name"], shown["created_by"]) == ("builds", "alice")
    assert secret not in listed.text
    assert secret not in str(await Webhook.objects.values().aget())


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"text": "x", "channel": "#ops", "username": "ci", "icon_emoji": ":x:", "attachments": []}},
        {"content": b'{"text": "x"}', "headers": {"Content-Type": "application/json; charset=utf-8"}},
        {"content": b'{"text": "x"}'},
        {
            "content": b'{"text": "x"}',
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },  # from a plain curl -d
        {"data": {"payload": json.dumps({"text": "x"})}},
    ],
)
async def test_clients_of_slack_s_webhooks_are_accepted(api: Callers, room: int, sent: dict[str, Any]) -> None:
    assert (await api.nobody.post(await make(api, room), **sent)).status_code == 201
    assert (await Message.objects.aget()).text == "x"


async def test_a_form_of_too_many_fields_is_refused(api: Callers, room: int) -> None:
    form = {f"field-{number}": "x" for number in range(2_000)}
    error(await api.nobody.post(await make(api, room), data=form), 400, "invalid")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"text": "x", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"text": ' + b'{"a":' * 100_000, 400),
        (b"{}", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"text": null}', 422),
        (b'{"text": ""}', 422),
        (b'{"text": 5}', 422),
        (json.dumps({"text": "x" * 2001}).encode(), 422),
        (json.dumps({"text": "a\u202eb"}).encode(), 422),
        (b'{"text": "' + b"x" * 1024 * 1024 + b'"}', 413),
    ],
)
async def test_an_invalid_message_is_refused(api: Callers, room: int, content: bytes, status: int) -> None:
    response = await api.nobody.post(await make(api, room), content=content)
    error(response, status, "too_large" if status == 413 else "invalid")
    assert not await Message.objects.aexists()


async def test_a_webhook_cannot_give_commands(api: Callers, room: int) -> None:
    await api.nobody.post(await make(api, room), json={"text": "/set speed 100"})
    assert (await Message.objects.aget()).kind == "chat"


@pytest.mark.parametrize("secret", ["wrong", "x" * 43, "%00", "é", "%ff"])
async def test_a_wrong_secret_answers_like_a_deleted_one(api: Callers, room: int, secret: str) -> None:
    path = await make(api, room)
    id = (await api.alice.get(f"/api/v1/rooms/{room}/webhooks")).json()["items"][0]["id"]
    assert (await api.alice.delete(f"/api/v1/rooms/{room}/webhooks/{id}")).status_code == 204
    deleted = await api.nobody.post(path, json={"text": "x"})
    wrong = await api.nobody.post(f"/api/v1/hooks/{secret}", json={"text": "x"})
    assert error(deleted, 404, "not_found") == error(wrong, 404, "not_found")
    error(await api.alice.delete(f"/api/v1/rooms/{room}/webhooks/{id}"), 404, "not_found")


async def test_a_secret_is_not_repeated_in_a_response(api: Callers, room: int) -> None:
    for method in ("get", "put", "delete"):
        response = await api.nobody.request(method, "/api/v1/hooks/the-secret")
        error(response, 405, "method_not_allowed")
        assert "the-secret" not in response.text


async def test_a_client_that_guesses_is_throttled_and_one_that_knows_a_secret_is_not(
    api: Callers, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ThrottleLimits(failures_per_network=30, further_look_ups_per_s=0.001)
    monkeypatch.setattr(webhooks, "throttle", LoginThrottle(limits))
    path = await make(api, room)
    good, guess = caller("192.0.2.1"), caller("192.0.2.1")
    assert (await good.post(path, json={"text": "x"})).status_code == 201
    for i in range(30):
        error(await guess.post(f"/api/v1/hooks/{i}", json={"text": "x"}), 404, "not_found")
    await guess.post("/api/v1/hooks/further", json={"text": "x"})  # one in a quarter of an hour
    late = await guess.post("/api/v1/hooks/more", json={"text": "x"})
    error(late, 429, "too_many")
    assert 0 < int(late.headers["retry-after"]) <= 1_000
    assert (await good.post(path, json={"text": "x"})).status_code == 201  # trusted from here
    other = await make(api, room, "other")
    error(await guess.post(other, json={"text": "x"}), 429, "too_many")  # not even a correct guess shows
    assert (await caller("192.0.2.2").post(other, json={"text": "x"})).status_code == 201


async def test_each_webhook_has_its_own_rate_limit(api: Callers, room: int, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    one, two = await make(api, room, "one"), await make(api, room, "two")
    for _ in range(2):
        assert (await api.nobody.post(one, json={"text": "x"})).status_code == 201
    error(await api.nobody.post(one, json={"text": "x"}), 429, "too_many")
    assert (await api.nobody.post(two, json={"text": "x"})).status_code == 201


async def test_only_managers_have_webhooks(api: Callers, room: int) -> None:
    await make(api, room)
    id = (await api.alice.get(f"/api/v1/rooms/{room}/webhooks")).json()["items"][0]["id"]

    async def all_of(client: httpx.AsyncClient, status: int, code: str) -> None:
        error(await client.get(f"/api/v1/rooms/{room}/webhooks"), status, code)
        error(await client.post(f"/api/v1/rooms/{room}/webhooks", json={"name": "x"}), status, code)
        error(await client.delete(f"/api/v1/rooms/{room}/webhooks/{id}"), status, code)

    await all_of(api.bob, 403, "forbidden")
    await all_of(api.carol, 403, "forbidden")
    await all_of(api.mallory, 404, "not_found")
    assert await Webhook.objects.acount() == 1


async def test_a_webhook_belongs_to_its_room(api: Callers, room: int) -> None:
    await make(api, room)
    id = (await api.alice.get(f"/api/v1/rooms/{room}/webhooks")).json()["items"][0]["id"]
    tea = (await api.alice.post("/api/v1/spaces/garden/rooms", json={"name": "Tea"})).json()["id"]
    error(await api.alice.delete(f"/api/v1/rooms/{tea}/webhooks/{id}"), 404, "not_found")
    await Room.objects.filter(pk=room).adelete()
    assert not await Webhook.objects.aexists()


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "\u202ea", "nul\0", None])
async def test_an_invalid_name_is_refused(api: Callers, room: int, name: object) -> None:
    error(await api.alice.post(f"/api/v1/rooms/{room}/webhooks", json={"name": name}), 422, "invalid")
