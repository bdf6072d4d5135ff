from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.channel.events import CommandChanged
from devices.commands import lifecycle
from devices.commands.args import MAX_ARGS_DEPTH
from devices.commands.lifecycle import MAX_OPEN
from devices.errors import Forbidden, Invalid, NotFound, TooMany
from devices.log.entries import recorded
from devices.models import Command, Device, Message, Space
from devices.rooms import provisioning
from devices.runtime import database, stats
from devices.values import Answer, now_us
from tests.devices.commands.stored import stored_command

pytestmark = pytest.mark.django_db(transaction=True)


async def test_only_operators_and_managers_issue_commands(bob: User, carol: User, mallory: User, pump: Device) -> None:
    command = await lifecycle.issue(bob, "pump-1", "set", {"speed": 40})
    assert (command.status, command.issued_by_id, command.device_id) == ("queued", bob.pk, pump.id)
    with pytest.raises(Forbidden):
        await lifecycle.issue(carol, "pump-1", "set", {})
    for uid in ("pump-1", "pump-2"):
        with pytest.raises(NotFound):
            await lifecycle.issue(mallory, uid, "set", {})
    assert await Command.objects.acount() == 1


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth > 1 else {"a": 1}


@pytest.mark.parametrize(
    ("name", "args", "timeout_s", "complaint"),
    [
        ("", {}, 30, "name"),
        ("x" * 129, {}, 30, "name"),
        ("a\nb", {}, 30, "name"),
        ("set", {"a": float("nan")}, 30, "NaN"),
        ("set", {"a": [float("-inf")]}, 30, "infinite"),
        ("set", {"a": "\0"}, 30, "NUL"),
        ("set", {"\0": 1}, 30, "NUL"),
        ("set", {"a": "\ud800"}, 30, "Unicode"),
        ("set", {"a": "x" * 17_000}, 30, "bytes"),
        ("set", nested(MAX_ARGS_DEPTH + 1), 30, "deep"),
        ("set", nested(100_000 // 200), 30, "deep"),
        ("set", {}, 0, "timeout_s"),
        ("set", {}, -1, "timeout_s"),
        ("set", {}, 604_800.5, "timeout_s"),
        ("set", {}, float("nan"), "timeout_s"),
    ],
)
async def test_an_invalid_command_is_refused_with_what_is_wrong(
    bob: User, pump: Device, name: str, args: dict[str, Any], timeout_s: float, complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        await lifecycle.issue(bob, "pump-1", name, args, timeout_s)
    assert not await Command.objects.aexists()


async def test_arguments_at_the_limits_are_stored_unchanged(bob: User, pump: Device) -> None:
    args = {**nested(MAX_ARGS_DEPTH), "big": 2**70, "text": "é🙂\\u0000"[:2], "list": [1, None, True]}
    id = (await lifecycle.issue(bob, "pump-1", "x" * 128, args, 604_800)).id
    assert (await Command.objects.aget(id=id)).args == args


def test_each_step_of_a_command_is_announced(pump: Device) -> None:
    command = stored_command(pump)
    [sent] = lifecycle.mark_sent(command, now_us())
    done, _ = recorded(lifecycle.answer, pump, Answer(command.id, True, {"speed": 40}))
    assert isinstance(sent, CommandChanged)
    assert isinstance(done, CommandChanged)
    assert [(event.status, event.result) for event in (sent, done)] == [("sent", None), ("succeeded", {"speed": 40})]
    assert (done.uid, done.name, done.by) == ("pump-1", "set", "")


def test_a_failed_command_has_its_error_cut_to_the_limit(pump: Device) -> None:
    event, _ = recorded(
        lifecycle.answer, pump, Answer(stored_command(pump, "sent").id, False, None, "valve stuck" + "x" * 2000)
    )
    assert isinstance(event, CommandChanged)
    assert event.status == "failed"
    assert event.error.startswith("valve stuck")
    assert len(event.error) == 1024


def test_an_answer_may_arrive_before_the_broker_s_acknowledgement(pump: Device) -> None:
    command = stored_command(pump, "queued")
    recorded(lifecycle.answer, pump, Answer(command.id, True))
    assert lifecycle.mark_sent(command, now_us()) == []
    command.refresh_from_db()
    assert command.status == "succeeded"


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_repeated_answer_changes_nothing(pump: Device, status: str) -> None:
    command = stored_command(pump, status, timeout_s=-1)
    assert recorded(lifecycle.answer, pump, Answer(command.id, True, "late")) == []
    command.refresh_from_db()
    assert (command.status, command.result, command.late) == (status, None, False)


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out", "unconfirmed"])
def test_a_final_status_never_changes(pump: Device, status: str) -> None:
    command = stored_command(pump, status, timeout_s=-1)
    recorded(lifecycle.answer, pump, Answer(command.id, True, "late"))
    assert lifecycle.mark_sent(command, now_us()) == []
    assert lifecycle.confirm(command.id, {}) == []
    assert lifecycle.expire() == []
    command.refresh_from_db()
    assert command.status == status


@pytest.mark.both_databases
@pytest.mark.parametrize("status", ["timed_out", "unconfirmed"])
@pytest.mark.parametrize(
    ("given", "result", "error"),
    [
        (Answer("", True, {"speed": 40}), {"speed": 40}, ""),
        (Answer("", False, None, "jammed"), None, "jammed"),
        (Answer("", False), None, "the device gave no reason"),
    ],
)
def test_a_late_answer_is_kept_once_with_its_command(
    pump: Device, status: str, given: Answer, result: Any, error: str
) -> None:
    command = stored_command(pump, status, timeout_s=-1)
    given = replace(given, command_id=command.id)
    event, _ = recorded(lifecycle.answer, pump, given)
    assert isinstance(event, CommandChanged)
    assert (event.status, event.late, event.result, event.error) == (status, True, result, error)
    line = Message.objects.get(kind="answer")
    assert (line.origin, line.by, line.data["status"], line.data["late"]) == ("device", "pump-1", status, True)
    assert recorded(lifecycle.answer, pump, replace(given, ok=True, result="again")) == []
    command.refresh_from_db()
    assert (command.status, command.late, command.result, command.error) == (status, True, result, error)


def test_what_was_sent_to_a_device_that_never_answers_ends_as_unconfirmed(pump: Device) -> None:
    Device.objects.update(answers=False)
    sent, queued = stored_command(pump, "sent", timeout_s=-1), stored_command(pump, "queued", timeout_s=-1)
    events = {event.id: event for event in lifecycle.expire() if isinstance(event, CommandChanged)}
    assert (events[sent.id].status, events[sent.id].error) == ("unconfirmed", "")
    assert events[queued.id].status == "timed_out"
    lines = {line.data["id"]: line for line in Message.objects.filter(kind="answer")}
    assert (lines[sent.id].data["status"], lines[sent.id].by) == ("unconfirmed", "hubbub")


@pytest.mark.both_databases
async def test_a_device_has_a_bounded_number_of_open_commands(bob: User, pump: Device, space: Space) -> None:
    refused = stats.commands_refused._value.get()
    await database.run(lambda: [stored_command(pump, status) for status in ("queued", "sent") * (MAX_OPEN // 2)])
    with pytest.raises(TooMany, match="100 open commands"):
        await lifecycle.issue(bob, "pump-1", "set", {})
    assert stats.commands_refused._value.get() == refused + 1
    assert await Command.objects.acount() == MAX_OPEN
    assert not await Message.objects.aexists()  # its entry is not left behind
    await database.run(provisioning.create_device, "pump-2", space)
    await lifecycle.issue(bob, "pump-2", "set", {})
    await database.run(recorded, lifecycle.answer, pump, Answer("sent1", True))
    await lifecycle.issue(bob, "pump-1", "set", {})


def test_a_device_can_answer_only_its_own_commands(pump: Device, space: Space) -> None:
    command = stored_command(pump, "sent")
    other, _ = provisioning.create_device("pump-2", space)
    assert recorded(lifecycle.answer, other, Answer(command.id, True)) == []
    assert recorded(lifecycle.answer, pump, Answer("unknown", True)) == []
    command.refresh_from_db()
    assert command.status == "sent"


def test_a_command_without_an_answer_times_out_once(pump: Device) -> None:
    late = [stored_command(pump, "queued", timeout_s=-1), stored_command(pump, "sent", timeout_s=-1)]
    stored_command(pump, "queued")
    stored_command(pump, "sent")
    events = [event for event in lifecycle.expire() if isinstance(event, CommandChanged)]
    assert {(event.id, event.status) for event in events} == {(command.id, "timed_out") for command in late}
    assert all(event.error for event in events)
    assert lifecycle.expire() == []
