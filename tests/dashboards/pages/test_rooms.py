from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboards.rooms import lists
from dashboards.rooms.search import PAGE
from devices.log import messages
from devices.models import Device, Member, Message, Room, Space, Webhook
from devices.rooms import posting, provisioning, rooms, webhooks
from devices.values import Role
from tests.dashboards.pages.conftest import ClientOf, data

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def general(space: Space) -> Room:
    return rooms.create(space, rooms.GENERAL)


@pytest.fixture
def foreign_room(db: None) -> Room:
    """A room of a space that none of the characters is a member of."""
    return rooms.create(Space.objects.create(slug="elsewhere", name="Elsewhere"), "Foreign affairs")


def post(person: User, room: Room, text: str) -> int:
    return async_to_sync(posting.post)(person, room.pk, text)


def shown(page: Any) -> str:
    return page.content.decode()


# The list


def test_it_lists_rooms_by_space_with_unread_counts(
    client_of: ClientOf, alice: User, bob: User, pump: Device, general: Room
) -> None:
    post(bob, pump.room, "One, @alice")
    post(bob, pump.room, "two")
    page = shown(client_of(alice).get("/rooms/"))
    rows = re.findall(r"<li class=\"side-row.*?</li>", page, re.DOTALL)
    assert ["Irrigation pump" in rows[0], "General" in rows[1]] == [True, True]
    assert re.findall(r"data-number>(\d*)<", rows[0]) == ["2", "1"]
    assert re.findall(r"data-number>(\d*)<", rows[1]) == ["", ""]


def test_many_rooms_without_messages_are_folded_away(
    client_of: ClientOf, alice: User, space: Space, general: Room
) -> None:
    made = [provisioning.create_device(f"sensor-{n}", space)[0] for n in range(lists.QUIET_SHOWN + 1)]
    post(alice, made[3].room, "Not this one")
    (group,) = lists.by_space(alice)
    assert len(group.quiet) == 0
    post(alice, provisioning.create_device("last", space)[0].room, "Nor this")
    provisioning.create_device("straw", space)
    (group,) = lists.by_space(alice)
    assert {room["name"] for room in group.active} == {"sensor-3", "last", "General"}
    assert "Device rooms without messages" in shown(client_of(alice).get("/rooms/"))


@pytest.fixture
def fleet(space: Space, monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    """Eight devices, of which three are listed; the room of the last one has a message."""
    monkeypatch.setattr(lists, "SHOWN", 3)
    made = [provisioning.create_device(f"sensor-{n}", space)[0] for n in range(8)]
    Room.objects.filter(device=made[7]).update(active_at=1_000)
    return made


def listed(groups: list[lists.RoomGroup]) -> list[str]:
    return [room["name"] for group in groups for room in [*group.active, *group.quiet]]


def test_the_list_of_a_large_fleet_has_the_newest_and_the_number_of_the_others(
    client_of: ClientOf, alice: User, general: Room, fleet: list[Device], foreign_room: Room
) -> None:
    (group,) = groups = lists.by_space(alice)
    assert (listed(groups), group.more) == (["sensor-7", "General", "sensor-0", "sensor-1"], 5)
    assert "5 more" in shown(client_of(alice).get("/rooms/"))


def test_an_unlisted_room_is_listed_on_its_own_page_and_in_a_search(
    client_of: ClientOf, alice: User, general: Room, fleet: list[Device], foreign_room: Room
) -> None:
    page = client_of(alice).get(f"/rooms/{fleet[5].room.pk}/")
    assert "sensor-5" in listed(page.context["groups"])
    for words in ("sensor-5", "SENSOR 5"):
        page = client_of(alice).get("/rooms/", {"q": words})
        assert "sensor-5" in listed(page.context["groups"])
        assert "sensor-4" not in listed(page.context["groups"])
    for words in ("Foreign", "\0", "%"):
        page = client_of(alice).get("/rooms/", {"q": words})
        assert listed(page.context["groups"]) == ["sensor-7", "General", "sensor-0", "sensor-1"]
    assert "Foreign" not in str(lists.by_space(alice, current=foreign_room.pk))


def test_a_list_needs_few_queries(
    alice: User, general: Room, fleet: list[Device], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(5):
        lists.by_space(alice, current=fleet[5].room.pk, words="sensor")


def test_the_newest_messages_are_beside_the_list(client_of: ClientOf, alice: User, bob: User, general: Room) -> None:
    post(bob, general, "the kettle is on")
    async_to_sync(posting.direct)(bob, "alice", "in private")
    (one,) = client_of(alice).get("/rooms/").context["found"]
    assert (one.author, one.pieces[0].text) == ("bob", "the kettle is on")


def test_a_search_may_be_retried_while_others_are_searching(client_of: ClientOf, alice: User, general: Room) -> None:
    with messages.searches, messages.searches:
        page = client_of(alice).get("/rooms/?q=kettle")
        assert client_of(alice).get("/rooms/").status_code == 200
    assert (page.status_code, page["Retry-After"]) == (429, "1")


@pytest.mark.parametrize("path", ["/rooms/", "/rooms/?q=affairs"])
def test_it_shows_nothing_of_a_foreign_space(
    client_of: ClientOf, carol: User, general: Room, foreign_room: Room, bob: User, path: str
) -> None:
    Member.objects.create(space=foreign_room.space, user=bob, role=Role.VIEWER)
    post(bob, foreign_room, "State affairs")
    page = shown(client_of(carol).get(path))
    assert "Foreign affairs" not in page
    assert "State" not in page


def test_it_refers_a_person_without_a_space_to_a_manager(client_of: ClientOf, mallory: User, general: Room) -> None:
    page = shown(client_of(mallory).get("/rooms/"))
    assert "Ask a manager to add you" in page
    assert "General" not in page


def test_it_offers_new_rooms_only_to_managers(client_of: ClientOf, alice: User, bob: User, general: Room) -> None:
    assert "/spaces/garden/rooms/" in shown(client_of(alice).get("/rooms/"))
    assert "/spaces/garden/rooms/" not in shown(client_of(bob).get("/rooms/"))


# Search


def test_search_marks_the_words_and_links_to_the_message(
    client_of: ClientOf, carol: User, bob: User, pump: Device
) -> None:
    seq = post(bob, pump.room, "The Pump is <b>loud</b>")
    post(bob, pump.room, "The tank is full")
    page = shown(client_of(carol).get("/rooms/?q=pump%20LOUD"))
    assert "<mark>Pump</mark> is &lt;b&gt;<mark>loud</mark>" in page
    assert f'href="/rooms/{pump.room.pk}/?seq={seq}"' in page
    assert "The tank" not in page


def test_search_finds_ones_own_conversations_and_nobody_elses(
    client_of: ClientOf, alice: User, bob: User, carol: User
) -> None:
    _, seq = async_to_sync(posting.direct)(bob, "alice", "the secret recipe")
    assert f'href="/inbox/bob/?seq={seq}"' in shown(client_of(alice).get("/rooms/?q=recipe"))
    assert "Nothing found" in shown(client_of(carol).get("/rooms/?q=recipe"))


def test_search_continues_on_the_next_page(client_of: ClientOf, alice: User, general: Room, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = 0
    for n in range(PAGE + 2):
        post(alice, general, f"number {n}.")
    first = shown(client_of(alice).get("/rooms/?q=number"))
    assert first.count("<mark>") == PAGE
    (more,) = re.findall(r'href="(/rooms/\?q=number&amp;before=\d+)"', first)
    second = shown(client_of(alice).get(more.replace("&amp;", "&")))
    assert second.count("<mark>") == 2
    assert "Older messages" not in second


@pytest.mark.parametrize(
    "query", ["%00", "%0A", "x" * 3000, "a" + "%20" * 50, "&before=x", "a&before=99999999999999999999"]
)
def test_search_accepts_any_text(client_of: ClientOf, alice: User, general: Room, query: str) -> None:
    assert client_of(alice).get(f"/rooms/?q={query}").status_code == 200


# New rooms


def test_a_manager_creates_a_room(client_of: ClientOf, alice: User, general: Room) -> None:
    answer = client_of(alice).post("/spaces/garden/rooms/", {"name": "Night shift"})
    made = Room.objects.get(name="Night shift")
    assert answer["Location"] == f"/rooms/{made.pk}/"


@pytest.mark.parametrize("name", ["General", "  ", "x" * 121, "tab\tbed"])
def test_an_invalid_name_is_refused_with_a_reason(client_of: ClientOf, alice: User, general: Room, name: str) -> None:
    answer = client_of(alice).post("/spaces/garden/rooms/", {"name": name})
    assert answer.status_code == 422
    assert 'role="alert"' in shown(answer)
    assert Room.objects.count() == 1


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("carol", 403), ("mallory", 404)])
def test_nobody_else_creates_a_room(
    client_of: ClientOf, request: pytest.FixtureRequest, general: Room, name: str, status: int
) -> None:
    client = client_of(request.getfixturevalue(name))
    assert client.post("/spaces/garden/rooms/", {"name": "Mine"}).status_code == status
    assert client.post("/spaces/missing/rooms/", {"name": "Mine"}).status_code == 404
    assert Room.objects.count() == 1


# A room


def test_a_member_opens_a_room(client_of: ClientOf, carol: User, pump: Device) -> None:
    page = client_of(carol).get(f"/rooms/{pump.room.pk}/?seq=812")
    given = data(page)
    assert given["room"]["device"] == "pump-1"
    assert given["person"] == {"username": "carol", "manages": False}
    assert (given["open_at"], given["closed"]) == (812, "")
    assert 'href="/devices/pump-1/"' in shown(page)
    assert "/settings/" not in shown(page)


def test_a_manager_finds_its_settings(client_of: ClientOf, alice: User, general: Room) -> None:
    page = client_of(alice).get(f"/rooms/{general.pk}/")
    assert data(page)["person"]["manages"] is True
    assert f"/rooms/{general.pk}/settings/" in shown(page)


def test_an_invalid_seq_is_ignored(client_of: ClientOf, alice: User, general: Room) -> None:
    assert data(client_of(alice).get(f"/rooms/{general.pk}/?seq=-1"))["open_at"] is None


def test_a_conversation_opens_in_the_inbox(client_of: ClientOf, alice: User, bob: User) -> None:
    room, _ = async_to_sync(posting.direct)(bob, "alice", "Hi")
    assert client_of(alice).get(f"/rooms/{room}/?seq=1")["Location"] == "/inbox/bob/?seq=1"


def _pages(room: Room, webhook: Webhook | None) -> list[tuple[str, str]]:
    number = webhook.pk if webhook else 1
    return [
        ("get", f"/rooms/{room.pk}/"),
        ("get", f"/rooms/{room.pk}/settings/"),
        ("post", f"/rooms/{room.pk}/settings/"),
        ("post", f"/rooms/{room.pk}/webhooks/"),
        ("post", f"/rooms/{room.pk}/webhooks/{number}/delete/"),
    ]


def _statuses(client: Client, room: Room, webhook: Webhook | None = None) -> list[int]:
    return [getattr(client, method)(path, {"name": "Mine"}).status_code for method, path in _pages(room, webhook)]


def test_a_foreign_room_is_like_a_missing_one(
    client_of: ClientOf, alice: User, mallory: User, general: Room, foreign_room: Room
) -> None:
    missing = Room(pk=4_000_000_000)
    for person, room in [(alice, foreign_room), (alice, missing), (mallory, general), (mallory, missing)]:
        assert _statuses(client_of(person), room) == [404] * 5


def test_a_conversation_of_others_is_like_a_missing_room(
    client_of: ClientOf, alice: User, bob: User, carol: User
) -> None:
    room, _ = async_to_sync(posting.direct)(bob, "carol", "Hi")
    assert _statuses(client_of(alice), Room(pk=room)) == [404] * 5


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_settings_are_for_managers(
    client_of: ClientOf, request: pytest.FixtureRequest, alice: User, general: Room, name: str
) -> None:
    webhook, _ = webhooks.create_webhook(alice, general.pk, "Weather")
    person = request.getfixturevalue(name)
    assert _statuses(client_of(person), general, webhook) == [200, 403, 403, 403, 403]
    assert general.webhooks.count() == 1
    assert Room.objects.get(pk=general.pk).name == "General"


def test_nobody_manages_a_conversation(client_of: ClientOf, alice: User, bob: User) -> None:
    room, _ = async_to_sync(posting.direct)(bob, "alice", "Hi")
    assert _statuses(client_of(alice), Room(pk=room)) == [302, 403, 403, 403, 403]


def test_a_visitor_is_redirected_to_the_login(client: Client, general: Room) -> None:
    assert _statuses(client, general) == [302] * 5
    assert [client.get(path).status_code for path in ("/rooms/", "/inbox/", "/inbox/bob/")] == [302] * 3
    assert client.post("/spaces/garden/rooms/").status_code == 302


# Settings


def test_a_manager_renames_a_room(client_of: ClientOf, alice: User, general: Room) -> None:
    client = client_of(alice)
    assert client.post(f"/rooms/{general.pk}/settings/", {"name": "Lobby"}).status_code == 302
    assert Room.objects.get(pk=general.pk).name == "Lobby"
    refused = client.post(f"/rooms/{general.pk}/settings/", {"name": " "})
    assert refused.status_code == 422
    assert "1 to 120 printable characters" in shown(refused)


def test_a_device_s_room_cannot_be_renamed(client_of: ClientOf, alice: User, pump: Device, general: Room) -> None:
    assert 'id="id_name"' in shown(client_of(alice).get(f"/rooms/{general.pk}/settings/"))
    assert 'id="id_name"' not in shown(client_of(alice).get(f"/rooms/{pump.room.pk}/settings/"))
    assert client_of(alice).post(f"/rooms/{pump.room.pk}/settings/", {"name": "Mine"}).status_code == 422


def test_the_address_of_a_webhook_is_shown_once(client_of: ClientOf, alice: User, general: Room) -> None:
    client = client_of(alice)
    answer = client.post(f"/rooms/{general.pk}/webhooks/", {"name": "Weather"})
    address = re.search(r"http://testserver/api/v1/hooks/([\w-]+)", shown(answer))
    assert address
    webhook = webhooks.webhook(address[1])
    assert webhook is not None
    assert webhook.room_id == general.pk
    assert "no-store" in answer["Cache-Control"]
    assert "curl -H &#x27;Content-Type: application/json&#x27; -d &#x27;{&quot;text&quot;" in shown(answer)
    later = shown(client.get(f"/rooms/{general.pk}/settings/"))
    assert "Weather" in later
    assert address[1] not in later


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_webhook_with_an_invalid_name_is_refused(client_of: ClientOf, alice: User, general: Room, name: str) -> None:
    assert client_of(alice).post(f"/rooms/{general.pk}/webhooks/", {"name": name}).status_code == 422
    assert not general.webhooks.exists()


def test_a_manager_deletes_only_webhooks_of_this_room(
    client_of: ClientOf, alice: User, general: Room, pump: Device
) -> None:
    webhook, _ = webhooks.create_webhook(alice, general.pk, "Weather")
    client = client_of(alice)
    assert client.post(f"/rooms/{pump.room.pk}/webhooks/{webhook.pk}/delete/").status_code == 404
    assert client.post(f"/rooms/{general.pk}/webhooks/{webhook.pk}/delete/").status_code == 302
    assert not general.webhooks.exists()


@pytest.mark.parametrize("path", ["/rooms/{}/webhooks/", "/rooms/{}/webhooks/1/delete/", "/spaces/garden/rooms/"])
def test_actions_need_a_post(client_of: ClientOf, alice: User, general: Room, path: str) -> None:
    assert client_of(alice).get(path.format(general.pk)).status_code == 405


def test_names_and_texts_are_shown_as_text(client_of: ClientOf, alice: User, space: Space) -> None:
    payload = "</script><script>alert(1)</script>"
    room = rooms.create(space, payload)
    post(alice, room, payload)
    webhooks.create_webhook(alice, room.pk, payload)
    client = client_of(alice)
    for path in ("/rooms/", "/rooms/?q=alert", f"/rooms/{room.pk}/", f"/rooms/{room.pk}/settings/"):
        page = shown(client.get(path))
        assert payload not in page, path
        assert "alert(1)" in page, path
    assert Message.objects.get(room=room).text == payload
