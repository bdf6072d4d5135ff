"""The people and values that a text refers to."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, Member, Room, Space
from devices.rooms import posting, provisioning
from devices.rooms.references import resolve
from devices.telemetry.store import ReadingStore
from devices.values import Role, Sample, Telemetry, Value

pytestmark = pytest.mark.django_db

NOW = 1_760_000_000_000_000
MS = NOW // 1000


@pytest.fixture
def room(pump: Device) -> Room:
    """The pump has sent its speed and the current of a phase."""
    Device.objects.filter(pk=pump.pk).update(attributes={"units.speed": "%"})
    send(pump, {"speed": 40, "phase.l1": 2.5})
    return pump.room


def send(device: Device, values: dict[str, Value]) -> None:
    samples = tuple(Sample(name, value, NOW) for name, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, NOW))])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@alice", ["alice"]),
        ("@bob and @alice, @bob", ["bob", "alice"]),
        ("hello @alice.", ["alice"]),
        ("@Alice", []),
        ("@nobody", []),
        ("@mallory", []),
        ("alice", []),
        ("@pump-1.speed", []),
    ],
)
@pytest.mark.usefixtures("alice", "bob", "mallory")
def test_only_members_of_the_space_can_be_mentioned(room: Room, text: str, names: list[str]) -> None:
    assert [person.get_username() for person in resolve(room, text)[0]] == names


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("@pump-1.speed", {"pump-1.speed": [MS, 40, "%"]}),
        ("is it @pump-1.phase.l1?", {"pump-1.phase.l1": [MS, 2.5, ""]}),
        ("@pump-1.speed. @pump-1.speed", {"pump-1.speed": [MS, 40, "%"]}),
        ("@pump-1", {}),
        ("@pump-1.", {}),
        ("@pump-1.flow", {}),
        ("@pump-2.speed", {}),
        ("@PUMP-1.speed", {}),
        ("@é.speed", {}),
    ],
)
def test_a_metric_reference_resolves_to_its_newest_value_in_the_space(
    room: Room, text: str, values: dict[str, object]
) -> None:
    assert resolve(room, text)[1] == values


def test_a_person_takes_precedence_over_a_metric_of_the_same_name(room: Room, space: Space) -> None:
    person = User.objects.create_user("pump-1.speed")
    Member.objects.create(space=space, user=person, role=Role.VIEWER)
    assert resolve(room, "@pump-1.speed @pump-1.phase.l1.") == ([person], {"pump-1.phase.l1": [MS, 2.5, ""]})


def test_values_of_another_space_are_not_revealed(room: Room) -> None:
    meter, _ = provisioning.create_device("meter-9", Space.objects.create(slug="cellar", name="Cellar", raw_days=0))
    send(meter, {"power": 7})
    assert resolve(room, "@meter-9.power") == ([], {})
    assert resolve(meter.room, "@meter-9.power")[1] == {"meter-9.power": [MS, 7, ""]}


def test_in_a_conversation_only_its_two_people_can_be_mentioned(
    room: Room, alice: User, bob: User, carol: User
) -> None:
    private = Room.objects.get(pk=posting.conversation(alice, "bob"))
    people, values = resolve(private, "@alice @bob @carol @pump-1.speed")
    assert (people, values) == ([alice, bob], {})


def test_a_text_without_references_costs_no_query(
    room: Room, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        resolve(room, "write to anna@example.org, would you?")


def test_many_references_cost_three_queries(
    room: Room, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):
        resolve(room, "@alice @pump-1.speed @pump-1.phase.l1 @x.y @y.z")
