from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from pytest_django import DjangoAssertNumQueries

from devices import access
from devices.access import Action
from devices.errors import Forbidden, NotFound
from devices.models import Device, Member, Space
from devices.services import devices
from devices.values import Role


@pytest.fixture
def meter(db: None) -> Device:
    """A device of another space."""
    return devices.create("meter-9", Space.objects.create(slug="cellar", name="Cellar"))[0]


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
def test_a_device_is_given_forbidden_or_missing(
    name: str, allowed: set[Action], request: pytest.FixtureRequest, pump: Device
) -> None:
    person = request.getfixturevalue(name)
    for action in Action:
        if action in allowed:
            assert access.device(person, "pump-1", action) == pump
        else:
            with pytest.raises(Forbidden if allowed else NotFound):
                access.device(person, "pump-1", action)


def test_a_forbidden_action_names_the_role_that_is_wanted(carol: User, pump: Device) -> None:
    with pytest.raises(Forbidden, match="manager"):
        access.device(carol, "pump-1", Action.MANAGE)


def test_a_role_counts_in_its_space_alone(alice: User, pump: Device, meter: Device) -> None:
    assert list(access.devices(alice)) == [pump]
    assert not access.may(alice, Action.WATCH, meter.space_id)
    with pytest.raises(NotFound) as foreign:
        access.device(alice, "meter-9")
    with pytest.raises(NotFound) as missing:
        access.device(alice, "meter-8")
    assert foreign.value.message.replace("meter-9", "meter-8") == missing.value.message


def test_a_member_of_two_spaces_has_each_device_once(alice: User, pump: Device, meter: Device) -> None:
    Member.objects.create(space=meter.space, user=alice, role=Role.VIEWER)
    assert sorted(device.uid for device in access.devices(alice)) == ["meter-9", "pump-1"]
    assert list(access.spaces(alice, Action.COMMAND)) == [pump.space]


def test_nobody_may_anything(pump: Device) -> None:
    nobody = AnonymousUser()
    assert access.role_in(nobody, pump.space_id) is None
    assert not access.devices(nobody).exists()
    with pytest.raises(NotFound):
        access.device(nobody, "pump-1")


def test_a_deactivated_manager_is_nobody(alice: User, pump: Device) -> None:
    alice.is_active = False
    assert access.role_in(alice, pump.space_id) is None
    assert not access.devices(alice).exists()


def test_a_superuser_without_membership_is_nobody(mallory: User, pump: Device) -> None:
    mallory.is_superuser = True
    assert not access.may(mallory, Action.WATCH, pump.space_id)


@pytest.mark.parametrize("uid", ["", "pump-1\n", "pump-1\0", "PUMP-1", "x" * 65, "é"])
def test_a_uid_is_matched_exactly(alice: User, pump: Device, uid: str) -> None:
    with pytest.raises(NotFound):
        access.device(alice, uid)


def test_a_device_may_touch_its_own_alone() -> None:
    assert access.device_may_touch("pump-1", "pump-1")
    for uid in ("pump-10", "pump", "+", "#", "PUMP-1", ""):
        assert not access.device_may_touch("pump-1", uid)


def test_a_device_and_the_right_to_it_cost_two_queries(
    bob: User, pump: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        access.device(bob, "pump-1", Action.COMMAND).space.slug  # noqa: B018 - must not ask again
