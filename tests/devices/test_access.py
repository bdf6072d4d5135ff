from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from pytest_django import DjangoAssertNumQueries

from devices import access
from devices.access import Action
from devices.errors import Forbidden, NotFound
from devices.models import Block, Device, Member, Message, Room, Space
from devices.rooms import provisioning, rooms
from devices.values import Role


@pytest.fixture
def meter(db: None) -> Device:
    """A device of another space."""
    return provisioning.create_device("meter-9", Space.objects.create(slug="cellar", name="Cellar"))[0]


RIGHTS = [
    ("alice", {Action.WATCH, Action.COMMAND, Action.MANAGE}),
    ("bob", {Action.WATCH, Action.COMMAND}),
    ("carol", {Action.WATCH}),
    ("mallory", set()),
]


@pytest.mark.parametrize(("name", "allowed"), RIGHTS)
def test_a_role_allows_its_actions_and_those_below(
    name: str, allowed: set[Action], request: pytest.FixtureRequest, pump: Device
) -> None:
    person = request.getfixturevalue(name)
    for action in Action:
        assert access.may(person, action, pump.space_id) is (action in allowed)
        assert access.spaces(person, action).exists() is (action in allowed)


@pytest.mark.parametrize(("name", "allowed"), RIGHTS)
def test_a_device_is_returned_or_forbidden_or_not_found(
    name: str, allowed: set[Action], request: pytest.FixtureRequest, pump: Device
) -> None:
    person = request.getfixturevalue(name)
    for action in Action:
        if action in allowed:
            assert access.device(person, "pump-1", action) == pump
        else:
            with pytest.raises(Forbidden if allowed else NotFound):
                access.device(person, "pump-1", action)


def test_what_many_people_watch_is_what_each_of_them_may_watch(
    alice: User,
    carol: User,
    mallory: User,
    pump: Device,
    meter: Device,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    gone = User.objects.create_user("gone", is_active=False)
    for person in (carol, gone):
        Member.objects.create(space=meter.space, user=person, role=Role.VIEWER)
    people = (alice, carol, mallory, gone)
    with django_assert_num_queries(2):
        watched = access.watched_by([person.pk for person in people])
    assert [watched.get(person.pk, frozenset()) for person in people] == [
        frozenset(access.devices(person).values_list("uid", flat=True)) for person in people
    ]
    assert watched[carol.pk] == {"pump-1", "meter-9"}


def test_a_forbidden_action_names_the_required_role(carol: User, pump: Device) -> None:
    with pytest.raises(Forbidden, match="manager"):
        access.device(carol, "pump-1", Action.MANAGE)


def test_a_role_counts_only_in_its_space(alice: User, pump: Device, meter: Device) -> None:
    assert list(access.devices(alice)) == [pump]
    assert not access.may(alice, Action.WATCH, meter.space_id)
    with pytest.raises(NotFound) as foreign:
        access.device(alice, "meter-9")
    with pytest.raises(NotFound) as missing:
        access.device(alice, "meter-8")
    assert foreign.value.message.replace("meter-9", "meter-8") == missing.value.message


def test_a_member_of_two_spaces_sees_each_device_once(alice: User, pump: Device, meter: Device) -> None:
    Member.objects.create(space=meter.space, user=alice, role=Role.VIEWER)
    assert sorted(device.uid for device in access.devices(alice)) == ["meter-9", "pump-1"]
    assert list(access.spaces(alice, Action.COMMAND)) == [pump.space]


def test_an_anonymous_user_has_no_rights_to_devices(pump: Device) -> None:
    anonymous = AnonymousUser()
    assert access.role_in(anonymous, pump.space_id) is None
    assert not access.devices(anonymous).exists()
    with pytest.raises(NotFound):
        access.device(anonymous, "pump-1")


def test_a_deactivated_manager_has_no_rights(alice: User, pump: Device) -> None:
    alice.is_active = False
    assert access.role_in(alice, pump.space_id) is None
    assert not access.devices(alice).exists()


def test_a_person_deactivated_since_they_were_loaded_has_no_rights(
    alice: User, bob: User, pump: Device, conversation: Room
) -> None:
    """An open connection keeps the object that its login found."""
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert alice.is_active
    assert access.role_in(alice, pump.space_id) is None
    assert not access.spaces(alice).exists()
    assert not access.rooms(alice).exists()
    for look_up in (lambda: access.device(alice, "pump-1"), lambda: access.room(alice, conversation.pk)):
        with pytest.raises(NotFound):
            look_up()


def test_a_superuser_without_a_membership_has_no_rights(mallory: User, pump: Device) -> None:
    mallory.is_superuser = True
    assert not access.may(mallory, Action.WATCH, pump.space_id)


@pytest.mark.parametrize("uid", ["", "pump-1\n", "pump-1\0", "PUMP-1", "x" * 65, "é"])
def test_a_uid_is_matched_exactly(alice: User, pump: Device, uid: str) -> None:
    with pytest.raises(NotFound):
        access.device(alice, uid)


def test_a_device_may_touch_only_itself() -> None:
    assert access.device_may_touch("pump-1", "pump-1")
    for uid in ("pump-10", "pump", "+", "#", "PUMP-1", ""):
        assert not access.device_may_touch("pump-1", uid)


def test_looking_up_a_device_with_its_rights_costs_two_queries(
    bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        access.device(bob, "pump-1", Action.COMMAND).space.slug  # noqa: B018 - must not ask again


@pytest.fixture
def conversation(alice: User, bob: User) -> Room:
    first, second = sorted((alice, bob), key=lambda person: person.pk)
    return Room.objects.create(first=first, second=second)


@pytest.mark.parametrize(("name", "allowed"), RIGHTS)
def test_a_room_is_returned_or_forbidden_or_not_found(
    name: str, allowed: set[Action], request: pytest.FixtureRequest, pump: Device
) -> None:
    person = request.getfixturevalue(name)
    assert access.rooms(person).exists() is bool(allowed)
    for action in Action:
        if action in allowed:
            assert access.room(person, pump.room.pk, action) == pump.room
        else:
            with pytest.raises(Forbidden if allowed else NotFound):
                access.room(person, pump.room.pk, action)


@pytest.mark.parametrize(("name", "allowed"), RIGHTS)
def test_whoever_can_read_a_room_of_a_space_can_post_there(
    name: str, allowed: set[Action], request: pytest.FixtureRequest, pump: Device
) -> None:
    person = request.getfixturevalue(name)
    if allowed:
        assert access.room_to_talk_in(person, pump.room.pk) == pump.room
    else:
        with pytest.raises(NotFound):
            access.room_to_talk_in(person, pump.room.pk)


def test_a_foreign_room_and_a_missing_one_raise_the_same_error(alice: User, mallory: User, conversation: Room) -> None:
    errors = []
    for id in (conversation.pk, 10**9, 2**63, -1):
        with pytest.raises(NotFound) as error:
            access.room(mallory, id)
        errors.append(error.value.message.replace(str(id), "N"))
    assert len(set(errors)) == 1


def test_a_conversation_is_open_only_to_its_two_people(alice: User, bob: User, carol: User, conversation: Room) -> None:
    for person in (alice, bob):
        assert access.room_to_talk_in(person, conversation.pk) == conversation
        for action in (Action.COMMAND, Action.MANAGE):
            with pytest.raises(Forbidden):
                access.room(person, conversation.pk, action)
    with pytest.raises(NotFound):
        access.room(carol, conversation.pk)
    assert not access.rooms(carol).filter(pk=conversation.pk).exists()


@pytest.mark.parametrize("blocker", ["alice", "bob"])
def test_after_a_block_both_people_can_read_but_not_post(
    alice: User, bob: User, conversation: Room, blocker: str
) -> None:
    by, person = (alice, bob) if blocker == "alice" else (bob, alice)
    Block.objects.create(by=by, person=person)
    for one in (alice, bob):
        assert access.room(one, conversation.pk) == conversation
        with pytest.raises(Forbidden, match="blocked"):
            access.room_to_talk_in(one, conversation.pk)


def test_a_block_affects_only_the_conversation_of_the_two_people(
    alice: User, bob: User, carol: User, conversation: Room, pump: Device
) -> None:
    Block.objects.create(by=alice, person=carol)
    assert access.room_to_talk_in(alice, conversation.pk) == conversation
    assert access.room_to_talk_in(carol, pump.room.pk) == pump.room


def test_people_without_a_shared_space_can_read_but_not_post(
    alice: User, bob: User, space: Space, conversation: Room
) -> None:
    Member.objects.filter(user=bob).delete()
    for one in (alice, bob):
        assert access.room(one, conversation.pk) == conversation
        with pytest.raises(Forbidden, match="no longer share a space"):
            access.room_to_talk_in(one, conversation.pk)


def test_nobody_can_post_to_a_deactivated_person(alice: User, bob: User, conversation: Room) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(Forbidden):
        access.room_to_talk_in(alice, conversation.pk)
    bob.is_active = False
    assert not access.rooms(bob).exists()


def test_an_anonymous_user_has_no_rooms_and_no_acquaintances(alice: User, pump: Device) -> None:
    anonymous = AnonymousUser()
    assert not access.rooms(anonymous).exists()
    assert not access.acquaintances(anonymous).exists()
    with pytest.raises(NotFound):
        access.room_to_talk_in(anonymous, pump.room.pk)


def test_acquaintances_are_active_people_who_share_a_space(
    alice: User, bob: User, mallory: User, meter: Device
) -> None:
    assert list(access.acquaintances(alice)) == [bob]
    assert list(access.acquaintances(mallory)) == []
    Member.objects.create(space=meter.space, user=mallory, role=Role.VIEWER)
    Member.objects.create(space=meter.space, user=bob, role=Role.VIEWER)
    assert set(access.acquaintances(bob)) == {alice, mallory}
    User.objects.filter(pk=mallory.pk).update(is_active=False)
    assert list(access.acquaintances(bob)) == [alice]


def test_an_acquaintance_is_found_by_name_and_a_stranger_looks_nonexistent(
    alice: User, bob: User, mallory: User
) -> None:
    assert access.acquaintance(alice, "bob") == bob
    errors = []
    for person, name in (
        (alice, "mallory"),
        (mallory, "alice"),
        (alice, "nobody"),
        (alice, "alice"),
        (alice, "a\0"),
    ):
        with pytest.raises(NotFound) as error:
            access.acquaintance(person, name)
        errors.append(error.value.message.replace(repr(name), "N"))
    assert len(set(errors)) == 1


def test_readers_are_the_active_members_of_the_space_or_the_two_of_a_conversation(
    alice: User, bob: User, carol: User, mallory: User, pump: Device, conversation: Room
) -> None:
    User.objects.filter(pk=carol.pk).update(is_active=False)
    assert set(access.readers(pump.room)) == {alice, bob}
    assert set(access.readers(conversation)) == {alice, bob}


def test_a_message_can_be_removed_by_its_author_and_by_managers(
    alice: User, bob: User, carol: User, mallory: User, pump: Device, conversation: Room
) -> None:
    message = Message(room=pump.room, author=bob)
    assert [access.may_remove(person, message) for person in (alice, bob, carol, mallory)] == [True, True, False, False]
    direct_message = Message(room=conversation, author=bob)
    assert [access.may_remove(person, direct_message) for person in (alice, bob, carol)] == [False, True, False]
    message_without_author = Message(room=pump.room, author=None)
    assert [access.may_remove(person, message_without_author) for person in (alice, bob)] == [True, False]
    assert not access.may_remove(AnonymousUser(), message_without_author)


def test_rooms_of_another_space_are_not_listed(alice: User, pump: Device, meter: Device) -> None:
    rooms.create(meter.space, "Cellar's own")
    assert list(access.rooms(alice)) == [pump.room]


def test_checking_the_right_to_post_costs_few_queries(
    bob: User, pump: Device, conversation: Room, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        access.room_to_talk_in(bob, pump.room.pk).device.uid  # type: ignore[union-attr]  # noqa: B018 - must not ask
    with django_assert_num_queries(3):
        access.room_to_talk_in(bob, conversation.pk)


def test_only_active_superusers_administer_the_hub(alice: User, bob: User) -> None:
    """The manager of a space does not."""
    assert not access.is_hub_administrator(alice)
    assert not access.is_hub_administrator(AnonymousUser())
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    assert access.is_hub_administrator(bob)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert not access.is_hub_administrator(bob)
