"""Writes of commands. Every change of status is a conditional update, so that one of two writers wins."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.db import transaction
from django.db.models import Q

from devices import access
from devices.access import Action, Person
from devices.channel import fanout
from devices.channel.events import CommandsQueued, Event
from devices.commands import announcements
from devices.commands import args as arguments
from devices.commands.announcements import changed
from devices.commands.models import Command
from devices.errors import Invalid, TooMany
from devices.log import entries
from devices.log.entries import Outcome, recorded
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.runtime import database, stats
from devices.values import MAX_NAME, Answer, CommandStatus, now_us

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 7 * 86_400.0
MAX_OPEN = 100
"""Open commands of one device. A further one is refused and counted: the queue of a device that is offline must not
overflow, and commands may stay open for days."""
MAX_ERROR = 1_024
MAX_EXPIRED = 1_000
"""Commands that one call of `expire` ends."""

_OPEN = (CommandStatus.QUEUED, CommandStatus.SENT)
_UNANSWERED = (CommandStatus.TIMED_OUT, CommandStatus.UNCONFIRMED)


async def issue(
    person: Person, uid: str, name: str, args: dict[str, Any], timeout_s: float = DEFAULT_TIMEOUT_S
) -> Command:
    """Queues a command for the device `uid` in the person's name and wakes the outbound bridge.

    Raises `NotFound`, `Forbidden`, `Invalid` or `TooMany`.
    """
    command, events = await database.run(_issue, person, uid, name, args, timeout_s)
    await fanout.publish(events)
    return command


def _issue(person: Person, uid: str, name: str, args: dict[str, Any], timeout_s: float) -> tuple[Command, list[Event]]:
    device = access.device(person, uid, Action.COMMAND)
    command = prepare(person, device, name, args, timeout_s)
    with transaction.atomic():
        written = entries.append([announcements.issued(command, person)])
        seq = written.messages[0].seq if written.messages else None
        return command, [*queue(command, seq), *written.events]


def prepare(
    person: Person, device: Device, name: str, args: dict[str, Any], timeout_s: float = DEFAULT_TIMEOUT_S
) -> Command:
    """A command that is not stored yet, for somebody who may send it. Raises `Invalid`.

    The caller writes its entry into the device's room and then passes it, with the entry's `seq`, to `queue`.
    """
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"a command's name has 1 to {MAX_NAME} printable characters")
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise Invalid(f"timeout_s must be more than 0 and at most {MAX_TIMEOUT_S:.0f}")
    arguments.check(args)
    now = now_us()
    return Command(
        id=base64.b32encode(secrets.token_bytes(10)).decode().lower(),
        device=device,
        issued_by_id=person.pk,
        name=name,
        args=args,
        issued_at=now,
        changed_at=now,
        expires_at=now + int(timeout_s * 1_000_000),
    )


def queue(command: Command, seq: int | None) -> list[Event]:
    """Stores a prepared command, whose entry in the device's room is `seq`; the events that announce it.

    Raises `TooMany`. The entry has locked the room, so that two people cannot both take the last place.
    """
    if Command.objects.filter(device=command.device_id, status__in=_OPEN).count() >= MAX_OPEN:
        stats.commands_refused.inc()
        raise TooMany(f"{command.device.uid} has {MAX_OPEN} open commands: wait until some of them have ended")
    command.seq = seq
    command.save(force_insert=True)
    return [changed(command), CommandsQueued()]


def mark_sent(command: Command, sent_at: int) -> list[Event]:
    """The broker has the command, which was passed to it at `sent_at`. Nothing changes if its answer was quicker."""
    return recorded(
        _change, command.id, Q(status=CommandStatus.QUEUED), {"status": CommandStatus.SENT, "sent_at": sent_at}
    )


def answer(device: Device | Sender, given: Answer) -> Outcome:
    """Stores the device's answer; empty if it belongs to no command of this device, or to one that it has answered.

    A command that has ended without an answer keeps its status. Call it inside a transaction.
    """
    status = CommandStatus.SUCCEEDED if given.ok else CommandStatus.FAILED
    fields = {"status": status, "result": given.result, "error": given.error[:MAX_ERROR]}
    in_time = _change(given.command_id, Q(device=device.id, status__in=_OPEN), fields)
    return in_time if in_time.events else _answer_late(device, given)


def _answer_late(device: Device | Sender, given: Answer) -> Outcome:
    """`error` is empty if, and only if, the device has carried out the command."""
    error = "" if given.ok else given.error[:MAX_ERROR] or "the device gave no reason"
    waiting = Q(device=device.id, status__in=_UNANSWERED, late=False)
    outcome = _change(given.command_id, waiting, {"late": True, "result": given.result, "error": error})
    if outcome.events:
        transaction.on_commit(stats.answers_late.inc)
    return outcome


def confirm(id: str, reported: dict[str, Any]) -> list[Event]:
    """The device, which does not answer, has reported the state that the command asked for."""
    return recorded(_change, id, Q(status=CommandStatus.SENT), {"status": CommandStatus.SUCCEEDED, "result": reported})


def expire() -> list[Event]:
    """Ends the open commands whose time is over; the events to publish."""
    due = Command.objects.filter(status__in=_OPEN, expires_at__lte=now_us())
    events: list[Event] = []
    for id, status, answers in list(due.values_list("id", "status", "device__answers")[:MAX_EXPIRED]):
        unconfirmed = status == CommandStatus.SENT and not answers
        events += recorded(_change, id, Q(status=status), _UNCONFIRMED if unconfirmed else _TIMED_OUT)
    return events


_UNCONFIRMED = {"status": CommandStatus.UNCONFIRMED}
_TIMED_OUT = {"status": CommandStatus.TIMED_OUT, "error": "no answer in time"}


def _change(id: str, before: Q, fields: dict[str, Any]) -> Outcome:
    """Changes the command if it still is as `before` says; empty if it is not."""
    if not Command.objects.filter(before, id=id).update(changed_at=now_us(), **fields):
        return Outcome()
    command = Command.objects.select_related("device", "issued_by").get(id=id)
    outcome = Outcome([changed(command)])
    if command.status not in _OPEN:
        outcome.entries.append(announcements.finished(command))
        if not command.late:
            transaction.on_commit(lambda: stats.commands_finished.labels(command.status).inc())
    return outcome
