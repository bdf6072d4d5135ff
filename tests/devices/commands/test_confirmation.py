"""Commands to a device that never answers end as soon as its readings show what they asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.channel.events import CommandChanged
from devices.commands import confirmation
from devices.commands.confirmation import Confirmations
from devices.models import Command, Device, Message, Reading
from devices.registry import metrics
from devices.telemetry.store import ReadingStore
from devices.values import Sample, Telemetry, Value, now_us
from tests.devices.commands.stored import stored_command

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

SECOND_US = 1_000_000


@pytest.fixture
def mute(pump: Device) -> Device:
    """A device that never answers, with readings of some minutes ago."""
    Device.objects.update(answers=False)
    report(pump, now_us() - 300 * SECOND_US, on=False, speed=10, mode="eco")
    return pump


def report(device: Device, time: int | None = None, **values: Value) -> None:
    """Without a time, that of receipt."""
    samples = tuple(Sample(name, value, time) for name, value in values.items())
    ReadingStore().store([(device, Telemetry(samples, now_us()))])


def ended(checked: list[Any]) -> list[CommandChanged]:
    return [event for event in checked if isinstance(event, CommandChanged)]


@pytest.mark.parametrize(
    ("args", "values"),
    [
        ({"on": True}, {"on": True}),
        ({"on": "ON"}, {"on": 1}),
        ({"on": 1}, {"on": "ON"}),
        ({"speed": 21.3}, {"speed": 21.299999237060547}),
        ({"mode": "AUTO"}, {"mode": "auto"}),
        ({"on": True, "transition": 2}, {"on": True}),
        ({"fan": {"stage": 2}}, {"fan.stage": 2}),
    ],
)
def test_a_reported_state_ends_the_command_as_done(mute: Device, args: dict[str, Any], values: dict[str, Any]) -> None:
    command = stored_command(mute, "sent", args=args)
    confirmations = Confirmations()
    assert confirmations.check() == []
    report(mute, **values)
    [event] = ended(confirmations.check())
    assert (event.id, event.status, event.result) == (command.id, "succeeded", values)
    line = Message.objects.get(kind="answer")
    assert (line.data["status"], line.by) == ("succeeded", "pump-1")
    assert confirmations.check() == []


def test_each_value_may_come_with_a_message_of_its_own(mute: Device) -> None:
    stored_command(mute, "sent", args={"on": True, "speed": 40})
    confirmations = Confirmations()
    report(mute, on=True)
    assert confirmations.check() == []
    report(mute, on=False, speed=39)
    assert confirmations.check() == []
    report(mute, speed=40)
    assert [event.result for event in ended(confirmations.check())] == [{"on": True, "speed": 40}]


def test_a_state_that_lasted_for_a_moment_only_counts(mute: Device) -> None:
    stored_command(mute, "sent", args={"on": True})
    report(mute, on=True)
    report(mute, on=False)
    assert len(ended(Confirmations().check())) == 1


@pytest.mark.parametrize("resolution", [1, 1_000, 1_000_000])
def test_what_was_reported_before_the_command_was_sent_does_not_count(mute: Device, resolution: int) -> None:
    command = stored_command(mute, "sent", args={"on": True})
    sent_at = command.sent_at or 0
    earliest = (sent_at - confirmation.SLACK_US) // resolution - 1
    report(mute, sent_at // 1_000 * 1_000 - 999 if resolution == 1 else earliest * resolution, on=True)
    confirmations = Confirmations()
    assert confirmations.check() == []
    report(mute, (sent_at // resolution + 1) * resolution, on=True)
    assert len(ended(confirmations.check())) == 1


@pytest.mark.parametrize("seconds", [0, 1, 9])
def test_a_clock_that_is_a_few_seconds_behind_does_no_harm(mute: Device, seconds: int) -> None:
    command = stored_command(mute, "sent", args={"on": True})
    shown = (command.sent_at or 0) // SECOND_US * SECOND_US - seconds * SECOND_US
    report(mute, shown - 8 * SECOND_US, on=True)
    report(mute, shown - SECOND_US // 2, on=False)
    confirmations = Confirmations()
    assert confirmations.check() == []  # the earlier `on` counts no more
    report(mute, shown, on=True)
    assert len(ended(confirmations.check())) == 1


def test_a_value_that_takes_the_place_of_one_with_the_same_time_counts(mute: Device) -> None:
    """As from a clock of whole seconds."""
    command = stored_command(mute, "sent", args={"on": True})
    second = (command.sent_at or 0) // SECOND_US * SECOND_US
    confirmations = Confirmations()
    report(mute, second, on=False)
    assert confirmations.check() == []
    report(mute, second, on=True)
    assert len(ended(confirmations.check())) == 1


def test_a_metric_may_have_another_name_than_the_device_gives_it(mute: Device) -> None:
    metrics.change(metrics.get(mute, "on"), name="Pump runs")
    stored_command(mute, "sent", args={"on": True})
    report(mute, **{"Pump runs": True})
    assert [event.result for event in ended(Confirmations().check())] == [{"on": True}]


@pytest.mark.parametrize(("offset_s", "confirmed"), [(-4 * 3600, True), (0, False), (-1_790_000_000, False)])
def test_times_of_a_clock_that_is_known_to_be_behind_count(mute: Device, offset_s: int, confirmed: bool) -> None:
    Device.objects.update(clock_offset_s=offset_s)
    Reading.objects.all().delete()  # those of the time when it was right
    stored_command(mute, "sent", args={"on": True})
    report(mute, now_us() - 4 * 3600 * SECOND_US - 60 * SECOND_US, on=True)
    confirmations = Confirmations()
    assert confirmations.check() == []
    report(mute, now_us() - 4 * 3600 * SECOND_US, on=True)
    assert bool(confirmations.check()) is confirmed


@pytest.mark.parametrize("args", [{}, {"colour": "red"}, {"on": None}, {"on": []}])
def test_a_command_that_names_no_metric_is_not_confirmed(mute: Device, args: dict[str, Any]) -> None:
    stored_command(mute, "sent", args=args)
    report(mute, on=True)
    assert Confirmations().check() == []


def test_only_commands_that_were_sent_to_devices_that_never_answer_are_confirmed(mute: Device, space: Any) -> None:
    stored_command(mute, "queued", args={"on": True})
    report(mute, on=True)
    assert Confirmations().check() == []
    stored_command(mute, "sent", args={"on": False})
    Device.objects.update(answers=True)
    report(mute, on=False)
    assert Confirmations().check() == []


def test_after_a_restart_what_was_reported_meanwhile_counts(mute: Device) -> None:
    stored_command(mute, "sent", args={"on": True})
    Confirmations().check()
    report(mute, on=True)
    assert len(ended(Confirmations().check())) == 1


def test_of_two_processes_one_ends_the_command(mute: Device) -> None:
    stored_command(mute, "sent", args={"on": True})
    both = Confirmations(), Confirmations()
    for each in both:
        each.check()
    report(mute, on=True)
    assert sum(len(ended(each.check())) for each in both) == 1


def test_without_such_commands_one_query_is_all_it_costs(mute: Device) -> None:
    confirmations = Confirmations()
    stored_command(mute, "succeeded", args={"on": True})
    with CaptureQueriesContext(connection) as queries:
        confirmations.check()
    assert len(queries) == 1


def test_the_number_of_commands_looked_at_is_bounded(mute: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "MAX_COMMANDS", 1)
    first, second = (stored_command(mute, "sent", args={"on": True}) for _ in range(2))
    Command.objects.filter(id=first.id).update(sent_at=(second.sent_at or 0) - 1)
    report(mute, on=True)
    confirmations = Confirmations()
    assert [event.id for event in ended(confirmations.check())] == [second.id]
    assert [event.id for event in ended(confirmations.check())] == [first.id]
