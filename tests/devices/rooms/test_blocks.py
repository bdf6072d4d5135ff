from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from devices.errors import Forbidden, NotFound
from devices.models import Block, Message
from devices.rooms import blocks, editing, inbox, posting

pytestmark = pytest.mark.django_db(transaction=True)


def write(person: User, to: str, text: str = "hi") -> tuple[int, int]:
    return async_to_sync(posting.direct)(person, to, text)


def test_a_block_stops_both_people_until_its_author_lifts_it(alice: User, bob: User, carol: User) -> None:
    write(bob, "alice")
    blocks.block(alice, "bob")
    blocks.block(alice, "bob")
    for person, to in ((alice, "bob"), (bob, "alice")):
        with pytest.raises(Forbidden, match="blocked"):
            write(person, to)
    write(carol, "alice")
    blocks.unblock(bob, "alice")  # not theirs to take back
    with pytest.raises(Forbidden):
        write(bob, "alice")
    blocks.unblock(alice, "bob")
    write(bob, "alice")


def test_a_blocked_person_can_remove_but_not_edit_messages(alice: User, bob: User) -> None:
    room, seq = write(bob, "alice", "hello")
    blocks.block(alice, "bob")
    with pytest.raises(Forbidden, match="blocked"):
        async_to_sync(editing.edit)(bob, room, seq, "something else")
    async_to_sync(editing.remove)(bob, room, seq)
    assert Message.objects.get(seq=seq).text == ""


def test_a_blocked_direct_message_creates_no_visible_conversation(alice: User, bob: User) -> None:
    blocks.block(alice, "bob")
    with pytest.raises(Forbidden):
        write(bob, "alice")
    assert inbox.inbox(alice)["conversations"] == []


@pytest.mark.parametrize("username", ["mallory", "nobody", "alice", "", "bob\0", "bob\n", "\ud800"])
def test_only_known_people_can_be_blocked(alice: User, bob: User, mallory: User, username: str) -> None:
    with pytest.raises(NotFound):
        blocks.block(alice, username)
    blocks.unblock(alice, username)
    assert not Block.objects.exists()


def test_blocks_are_listed_only_for_the_person_who_made_them(alice: User, bob: User) -> None:
    blocks.block(alice, "bob")
    assert inbox.people(alice) == [{"username": "bob", "bot": False, "blocked": True}]
    assert inbox.people(bob) == [{"username": "alice", "bot": False, "blocked": False}]
