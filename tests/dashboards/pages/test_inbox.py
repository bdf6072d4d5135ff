from __future__ import annotations

import html
import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.models import Block, Member, Room, Space
from devices.rooms import blocks, bots, posting, provisioning
from devices.spaces import people
from devices.values import Role
from tests.dashboards.pages.conftest import ClientOf, data

pytestmark = pytest.mark.django_db(transaction=True)


def write(person: User, to: User, text: str) -> int:
    return async_to_sync(posting.direct)(person, to.username, text)[1]


def shown(page: Any) -> str:
    return page.content.decode()


def rows(page: Any) -> list[str]:
    found = shown(page).split("<template")[0]
    return re.findall(r'<li class="side-row conversation".*?</li>', found, re.DOTALL)


def test_it_lists_conversations_newest_first_with_unread_counts(
    client_of: ClientOf, alice: User, bob: User, carol: User
) -> None:
    write(bob, alice, "first")
    write(bob, alice, "second")
    write(alice, carol, "my own")
    first, second = rows(client_of(alice).get("/inbox/"))
    assert "carol" in first
    assert "You: my own" in first
    assert re.findall(r"data-number>(\d*)<", first)[0] == ""
    assert "second" in second
    assert re.findall(r"data-number>(\d*)<", second)[0] == "2"


def test_it_lists_people_who_share_a_space(
    client_of: ClientOf, alice: User, bob: User, mallory: User, space: Space
) -> None:
    bots.create_bot("weather", space, Role.VIEWER)
    page = shown(client_of(alice).get("/inbox/"))
    assert 'href="/inbox/bob/"' in page
    assert 'href="/inbox/weather/"' in page
    assert "mallory" not in page
    assert 'href="/inbox/alice/"' not in page
    assert "Nobody to write to yet" in shown(client_of(mallory).get("/inbox/"))


def test_opening_a_conversation_creates_it(client_of: ClientOf, alice: User, bob: User) -> None:
    given = data(client_of(alice).get("/inbox/bob/?seq=3"))
    assert given["room"]["with"] == "bob"
    assert (given["open_at"], given["closed"], given["person"]["manages"]) == (3, "", False)
    assert data(client_of(bob).get("/inbox/alice/"))["room"]["id"] == given["room"]["id"]
    assert rows(client_of(bob).get("/inbox/")) == []  # it has no message yet


@pytest.mark.parametrize("name", ["mallory", "alice", "missing", "a%00b", "a%0Ab", "a/b", "..%2F", "%20"])
def test_a_stranger_looks_like_a_missing_person(client_of: ClientOf, alice: User, mallory: User, name: str) -> None:
    client = client_of(alice)
    assert client.get(f"/inbox/{name}/").status_code == 404
    assert client.post(f"/inbox/{name}/", {"block": "1"}).status_code == 404
    assert not Room.objects.filter(space=None).exists()
    assert not Block.objects.exists()


def test_nobody_else_reads_a_conversation(
    client_of: ClientOf, alice: User, bob: User, carol: User, mallory: User
) -> None:
    write(bob, carol, "between us")
    assert rows(client_of(alice).get("/inbox/")) == []
    assert data(client_of(alice).get("/inbox/bob/"))["room"]["seq"] == 0
    assert client_of(mallory).get("/inbox/bob/").status_code == 404


def test_a_blocked_person_may_read_and_sees_the_block(client_of: ClientOf, alice: User, bob: User) -> None:
    write(alice, bob, "Hi")
    assert client_of(bob).post("/inbox/alice/", {"block": "1"})["Location"] == "/inbox/alice/"
    theirs, own = client_of(alice).get("/inbox/bob/"), client_of(bob).get("/inbox/alice/")
    assert data(theirs)["closed"] == "One of you has blocked the other."
    assert "You have blocked" in data(own)["closed"]
    assert "Unblock" in shown(own)
    assert "Unblock" not in shown(theirs)


def test_only_the_blocker_can_unblock(client_of: ClientOf, alice: User, bob: User) -> None:
    blocks.block(bob, "alice")
    client_of(alice).post("/inbox/bob/", {"block": "0"})
    assert Block.objects.exists()
    client_of(bob).post("/inbox/alice/", {"block": "0"})
    assert not Block.objects.exists()
    assert data(client_of(bob).get("/inbox/alice/"))["closed"] == ""


def test_two_people_who_no_longer_share_a_space_may_read_their_conversation(
    client_of: ClientOf, alice: User, bob: User, space: Space
) -> None:
    write(bob, alice, "Farewell")
    Member.objects.filter(user=bob).delete()
    page = client_of(alice).get("/inbox/bob/")
    assert "no longer share a space" in data(page)["closed"]
    assert "Block " not in shown(page)
    assert "Farewell" in rows(client_of(alice).get("/inbox/"))[0]
    assert client_of(bob).get("/inbox/alice/").status_code == 200


def test_a_name_with_any_characters_has_a_page(client_of: ClientOf, alice: User, space: Space) -> None:
    odd = people.create_person('</script><img/src=x/onerror="alert(1)">?&#%', "long enough")
    provisioning.set_role(space, odd, Role.VIEWER)
    async_to_sync(posting.direct)(odd, "alice", "Hello")
    client = client_of(alice)
    for path in ("/inbox/", "/rooms/", "/rooms/?q=Hello"):
        page = shown(client.get(path))
        assert "<img/src" not in page
    (link,) = set(re.findall(r'href="(/inbox/[^"]+/)"', shown(client.get("/inbox/"))))
    page = client.get(html.unescape(link))
    assert page.status_code == 200
    assert data(page)["room"]["with"] == odd.get_username()
    assert "<img/src" not in shown(page)
