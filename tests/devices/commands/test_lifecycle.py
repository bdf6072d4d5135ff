from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.channel.events import CommandChanged
from devices.commands import lifecycle, lookup
from devices.commands.lifecycle import MAX_ARGS_DEPTH
from devices.errors import Forbidden, Invalid, NotFound
from devices.log.entries import recorded
from devices.models import Command, Device, Space
from devices.rooms import provisioning
from devices.runtime import database
from devices.values import Answer, CommandStatus, now_us

pytestmark = pytest.mark.django_db(transaction=True)


def make(device: Device, status: str = "queued", timeout_s: float = 30) -> Command:
    now = now_us()
    return Command.objects.create(
        id=f"{status}{Command.objects.count()}",
        device=device,
        name="set",
        status=status,
        issued_at=now,
        changed_at=now,
        expires_at=now + int(timeout_s * 1_000_000),
    )


async def test_issuing_follows_the_role(bob: User, carol: User, mallory: User, pump: Device) -> None:
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
    ("name", "args", "timeout_s", "named"),
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
        ("set", {}, 3600.5, "timeout_s"),
        ("set", {}, float("nan"), "timeout_s"),
    ],
)
async def test_what_no_device_should_get_is_refused_by_name(
    bob: User, pump: Device, name: str, args: dict[str, Any], timeout_s: float, named: str
) -> None:
    with pytest.raises(Invalid, match=named):
        await lifecycle.issue(bob, "pump-1", name, args, timeout_s)
    assert not await Command.objects.aexists()


async def test_what_is_just_allowed_is_stored_as_it_was(bob: User, pump: Device) -> None:
    args = {**nested(MAX_ARGS_DEPTH), "big": 2**70, "text": "é🙂\\u0000"[:2], "list": [1, None, True]}
    id = (await lifecycle.issue(bob, "pump-1", "x" * 128, args, 3600)).id
    assert (await Command.objects.aget(id=id)).args == args


def test_the_way_of_a_command_is_told_at_each_step(pump: Device) -> None:
    command = make(pump)
    [sent] = lifecycle.mark_sent(command)
    done, _ = recorded(lifecycle.answer, pump, Answer(command.id, True, {"speed": 40}))
    assert isinstance(sent, CommandChanged)
    assert isinstance(done, CommandChanged)
    assert [(event.status, event.result) for event in (sent, done)] == [("sent", None), ("succeeded", {"speed": 40})]
    assert (done.uid, done.name, done.by) == ("pump-1", "set", "")


def test_a_failure_has_its_error(pump: Device) -> None:
    event, _ = recorded(lifecycle.answer, pump, Answer(make(pump, "sent").id, False, None, "valve stuck" + "x" * 2000))
    assert isinstance(event, CommandChanged)
    assert event.status == "failed"
    assert event.error.startswith("valve stuck")
    assert len(event.error) == 1024


def test_an_answer_may_overtake_the_broker_s_acknowledgement(pump: Device) -> None:
    command = make(pump, "queued")
    recorded(lifecycle.answer, pump, Answer(command.id, True))
    assert lifecycle.mark_sent(command) == []
    command.refresh_from_db()
    assert command.status == "succeeded"


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out"])
def test_what_is_final_stays(pump: Device, status: str) -> None:
    command = make(pump, status, timeout_s=-1)
    assert recorded(lifecycle.answer, pump, Answer(command.id, True, "late")) == []
    assert lifecycle.mark_sent(command) == []
    assert lifecycle.expire() == []
    command.refresh_from_db()
    assert (command.status, command.result) == (status, None)


def test_a_device_answers_its_own_commands_alone(pump: Device, space: Space) -> None:
    command = make(pump, "sent")
    other, _ = provisioning.create_device("pump-2", space)
    assert recorded(lifecycle.answer, other, Answer(command.id, True)) == []
    assert recorded(lifecycle.answer, pump, Answer("unknown", True)) == []
    command.refresh_from_db()
    assert command.status == "sent"


def test_what_nobody_answered_times_out(pump: Device) -> None:
    late = [make(pump, "queued", timeout_s=-1), make(pump, "sent", timeout_s=-1)]
    make(pump, "queued")
    make(pump, "sent")
    events = [event for event in lifecycle.expire() if isinstance(event, CommandChanged)]
    assert {(event.id, event.status) for event in events} == {(command.id, "timed_out") for command in late}
    assert all(event.error for event in events)
    assert lifecycle.expire() == []


def test_the_outbound_bridge_finds_what_waits_the_oldest_first(pump: Device) -> None:
    waiting = [make(pump), make(pump)]
    make(pump, "sent")
    make(pump, "queued", timeout_s=-1)
    assert lookup.queued("main", 10) == waiting
    assert lookup.queued("main", 1) == waiting[:1]


def test_every_status_is_reached_or_open() -> None:
    assert {status.value for status in CommandStatus} == {"queued", "sent", "succeeded", "failed", "timed_out"}


async def test_a_command_of_somebody_who_left_has_no_name(bob: User, pump: Device) -> None:
    command = await lifecycle.issue(bob, "pump-1", "set", {})
    await bob.adelete()
    [found] = await database.run(lookup.recent, pump)
    assert (found["id"], found["by"]) == (command.id, "")
