"""Messages over HTTP: the log and its cursors, edits and removals, search."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from devices.models import Command, Device, Message
from devices.rooms import posting
from tests.bridges.rest.conftest import Callers, Sender, error

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


async def post(client: httpx.AsyncClient, room: int, text: str, **fields: str) -> httpx.Response:
    return await client.post(f"/api/v1/rooms/{room}/messages", json={"text": text, **fields})


async def log(client: httpx.AsyncClient, room: int, query: str = "") -> list[dict[str, Any]]:
    response = await client.get(f"/api/v1/rooms/{room}/messages{query}")
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_message_is_in_the_log(api: Callers, room: int) -> None:
    posted = await post(api.carol, room, "is it on, @bob?", key="k1")
    assert (posted.status_code, posted.json()) == (201, {"seq": 1})
    shown = (await api.bob.get(f"/api/v1/rooms/{room}/messages")).json()
    assert shown["seq"] == 1
    [message] = shown["items"]
    assert message == {
        "seq": 1,
        "at": message["at"],
        "kind": "chat",
        "origin": "person",
        "author": "carol",
        "text": "is it on, @bob?",
        "data": {"mentions": ["bob"]},
        "key": "k1",
    }


async def test_a_key_makes_a_repeat_harmless(api: Callers, room: int) -> None:
    answers = await asyncio.gather(*[post(api.bob, room, "hello", key="k") for _ in range(5)])
    assert {answer.json()["seq"] for answer in answers} == {1}
    assert (await post(api.carol, room, "hello", key="k")).json()["seq"] == 2  # a key belongs to its sender
    assert await Message.objects.acount() == 2


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("", range(3, 13)),
        ("&after_seq=0", range(1, 11)),
        ("&after_seq=10", range(11, 13)),
        ("&after_seq=12", range(0)),
        ("&after_seq=9223372036854775807", range(0)),
        ("&before_seq=6", range(1, 6)),
        ("&before_seq=12", range(2, 12)),
        ("&before_seq=1", range(0)),
        ("&around_seq=6", range(1, 11)),
        ("&around_seq=12", range(7, 13)),
    ],
)
async def test_the_log_is_read_in_parts(api: Callers, bob: User, room: int, query: str, seqs: range) -> None:
    for i in range(1, 13):
        await posting.post(bob, room, f"m{i}")
    assert [item["seq"] for item in await log(api.carol, room, f"?limit=10{query}")] == list(seqs)


async def test_reading_on_from_the_last_seq_gives_each_message_once(api: Callers, bob: User, room: int) -> None:
    for i in range(25):
        await posting.post(bob, room, f"m{i}")
    seen: list[int] = []
    newest = 25
    while not seen or seen[-1] < newest:
        part = (await api.carol.get(f"/api/v1/rooms/{room}/messages?limit=7&after_seq={len(seen)}")).json()
        newest = part["seq"]
        seen += [item["seq"] for item in part["items"]]
    assert seen == list(range(1, 26))


@pytest.mark.parametrize(
    "query",
    [
        "after_seq=1&before_seq=2",
        "after_seq=-1",
        "after_seq=x",
        "around_seq=9223372036854775808",
        "limit=0",
        "limit=201",
    ],
)
async def test_an_invalid_cursor_is_refused_by_name(api: Callers, room: int, query: str) -> None:
    facts = error(await api.carol.get(f"/api/v1/rooms/{room}/messages?{query}"), 422, "invalid")
    assert query.partition("=")[0] in str(facts["message"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n"},
        {"text": "x" * 2001},
        {"text": "a\u202eb"},
        {"text": "nul\0"},
        {"text": 5},
        {"text": "x", "key": ""},
        {"text": "x", "key": "k" * 65},
        {"text": "x", "key": "a\nb"},
        {"text": "x", "key": 5},
        {"text": "x", "room": 7},
        ["text"],
    ],
)
async def test_an_invalid_message_is_refused(api: Callers, room: int, body: object) -> None:
    error(await api.bob.post(f"/api/v1/rooms/{room}/messages", json=body), 422, "invalid")
    assert not await Message.objects.aexists()


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"text": NaN}', b'{"text": "\\ud800"}'])
async def test_invalid_json_is_400(api: Callers, room: int, content: bytes) -> None:
    error(await api.bob.post(f"/api/v1/rooms/{room}/messages", content=content), 400, "invalid")


async def test_a_text_is_returned_unchanged(api: Callers, room: int) -> None:
    text = "<script>alert(1)</script> **no** & 'x' \"y\" \n\t🌱 Ünïcödé"
    await post(api.bob, room, text)
    assert (await log(api.carol, room))[0]["text"] == text


async def test_the_rate_limit_is_per_person(api: Callers, room: int, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 2
    for _ in range(2):
        assert (await post(api.bob, room, "x")).status_code == 201
    assert error(await post(api.bob, room, "x"), 429, "too_many")["retry"]
    error(await api.bob.patch(f"/api/v1/rooms/{room}/messages/1", json={"text": "y"}), 429, "too_many")
    assert (await post(api.carol, room, "x")).status_code == 201


async def test_operators_give_commands_from_the_room(api: Callers, pump: Device, room: int) -> None:
    error(await post(api.carol, room, "/set speed 40"), 403, "forbidden")
    assert (await post(api.bob, room, "/set speed 40")).status_code == 201
    assert (await Command.objects.aget()).args == {"speed": 40}
    assert [item["kind"] for item in await log(api.carol, room)] == ["command"]
    error(await post(api.bob, room, "/nothing"), 422, "invalid")


async def test_an_edit_leaves_a_trace(api: Callers, room: int) -> None:
    await post(api.carol, room, "teh pump")
    edited = await api.carol.patch(f"/api/v1/rooms/{room}/messages/1", json={"text": "the pump"})
    assert (edited.status_code, edited.json()) == (200, {"seq": 2})
    message, edit = await log(api.bob, room)
    assert (message["text"], edit["kind"], edit["of"]) == ("the pump", "edit", 1)
    assert message["edited_at"] == edit["at"]
    assert "before" not in edit.get("data", {})
    [revision] = (await api.bob.get(f"/api/v1/rooms/{room}/messages/1/revisions")).json()["items"]
    assert revision == {"text": "teh pump", "until": edit["at"], "by": "carol"}


async def test_only_the_author_edits_and_only_managers_remove_for_others(api: Callers, room: int) -> None:
    await post(api.carol, room, "hello")
    path = f"/api/v1/rooms/{room}/messages/1"
    for client in (api.bob, api.alice):
        error(await client.patch(path, json={"text": "bye"}), 403, "forbidden")
    error(await api.bob.delete(path), 403, "forbidden")
    assert (await api.alice.delete(path)).json() == {"seq": 2}
    error(await api.carol.patch(path, json={"text": "again"}), 404, "not_found")


async def test_only_the_author_and_managers_read_a_removed_message(api: Callers, room: int) -> None:
    await post(api.carol, room, "my password is hunter2")
    await api.carol.delete(f"/api/v1/rooms/{room}/messages/1")
    assert "hunter2" not in str(await log(api.alice, room))
    revisions = f"/api/v1/rooms/{room}/messages/1/revisions"
    error(await api.bob.get(revisions), 403, "forbidden")
    for client in (api.carol, api.alice):
        assert (await client.get(revisions)).json()["items"][0]["text"] == "my password is hunter2"


@pytest.mark.parametrize("seq", ["2", "0", "9" * 30, "x"])
async def test_an_unknown_message_is_not_found(api: Callers, room: int, seq: str) -> None:
    await post(api.alice, room, "hello")
    path = f"/api/v1/rooms/{room}/messages/{seq}"
    error(await api.alice.patch(path, json={"text": "x"}), 404, "not_found")
    error(await api.alice.delete(path), 404, "not_found")
    error(await api.alice.get(f"{path}/revisions"), 404, "not_found")


async def find(client: httpx.AsyncClient, words: str, room: int | None = None, **more: int) -> Any:
    path = "search" if room is None else f"rooms/{room}/search"
    response = await client.get(f"/api/v1/{path}", params={"q": words, **more})
    assert response.status_code == 200, response.text
    return response.json()


async def test_search_finds_all_words_in_any_order_and_case(api: Callers, room: int) -> None:
    for text in ("The PUMP is loud", "loud music", "Straße gesperrt", "100% _sure_"):
        await post(api.bob, room, text)
    for words, seqs in {"loud pump": [1], "LOUD": [2, 1], "STRASSE": [3], "100%": [4], "%": [4], "_s": [4]}.items():
        assert [item["seq"] for item in (await find(api.carol, words, room))["items"]] == seqs, words
    assert (await find(api.carol, "nothing of it", room)) == {"items": [], "next": None}


async def test_search_continues_page_by_page(api: Callers, room: int) -> None:
    for i in range(5):
        await post(api.bob, room, f"tea {i}")
    texts: list[str] = []
    page: dict[str, Any] = {"next": None}
    while not texts or page["next"] is not None:
        cursor = {"before": page["next"]} if page["next"] else {}
        page = await find(api.carol, "tea", room, limit=2, **cursor)
        texts += [item["text"] for item in page["items"]]
    assert texts == [f"tea {i}" for i in (4, 3, 2, 1, 0)]


async def test_search_finds_neither_removed_nor_replaced_texts(api: Callers, room: int) -> None:
    for text in ("secret one", "secret two"):
        await post(api.bob, room, text)
    await api.bob.delete(f"/api/v1/rooms/{room}/messages/1")
    await api.bob.patch(f"/api/v1/rooms/{room}/messages/2", json={"text": "public"})
    assert (await find(api.alice, "secret", room))["items"] == []
    assert [item["seq"] for item in (await find(api.alice, "public"))["items"]] == [2]


async def test_search_over_all_rooms_covers_only_one_s_own(
    api: Callers, meter_sender: Sender, room: int, mallory: User
) -> None:
    cellar = (await api.mallory.get("/api/v1/rooms")).json()["items"][0]["id"]
    await post(api.mallory, cellar, "mallory's plan")
    await post(api.bob, room, "the garden's plan")
    await api.bob.post("/api/v1/people/carol/messages", json={"text": "our plan"})
    found = {
        name: sorted(item["text"] for item in (await find(client, "plan"))["items"])
        for name, client in {"mallory": api.mallory, "alice": api.alice, "carol": api.carol}.items()
    }
    assert found == {
        "mallory": ["mallory's plan"],
        "alice": ["the garden's plan"],
        "carol": ["our plan", "the garden's plan"],
    }
    assert {item["room"] for item in (await find(api.alice, "plan"))["items"]} == {room}


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=%00", "q=" + "x" * 201, "q=" + "a+" * 11, "q=a&before=-1"])
async def test_an_invalid_search_is_refused(api: Callers, room: int, query: str) -> None:
    for path in ("search", f"rooms/{room}/search"):
        error(await api.alice.get(f"/api/v1/{path}?{query}"), 422, "invalid")
