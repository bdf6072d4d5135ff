"""Writes of commands. Every change of status is a conditional update, so that one of two writers wins."""

from __future__ import annotations

import base64
import math
import secrets
from collections.abc import Collection
from typing import Any

import msgspec
from django.db import transaction

from devices import access
from devices.access import Action, Person
from devices.channel import fanout
from devices.channel.events import CommandChanged, CommandsQueued, Event
from devices.commands.models import Command
from devices.errors import Invalid
from devices.log import entries, origins
from devices.log.entries import NewEntry, Outcome, recorded
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.runtime import database, stats
from devices.values import MAX_NAME, Answer, CommandStatus, MessageKind, Origin, now_us

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 3600.0
MAX_ARGS_BYTES = 16 * 1024
MAX_ARGS_DEPTH = 8
MAX_RESULT_BYTES = 4 * 1024
"""JSON of an answer's result that the room's log shows. The command's row holds the whole result."""
MAX_EXPIRED = 1_000
"""Commands that one call of `expire` times out."""

_OPEN = (CommandStatus.QUEUED, CommandStatus.SENT)


async def issue(
    person: Person, uid: str, name: str, args: dict[str, Any], timeout_s: float = DEFAULT_TIMEOUT_S
) -> Command:
    """Queues a command for the device `uid` in the person's name and wakes the outbound bridge.

    Raises `NotFound`, `Forbidden` or `Invalid`.
    """
    command, events = await database.run(_issue, person, uid, name, args, timeout_s)
    await fanout.publish(events)
    return command


def _issue(person: Person, uid: str, name: str, args: dict[str, Any], timeout_s: float) -> tuple[Command, list[Event]]:
    device = access.device(person, uid, Action.COMMAND)
    command = prepare(person, device, name, args, timeout_s)
    with transaction.atomic():
        written = entries.append([_issued(command, person)])
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
    _check_args(args)
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
    """Stores a prepared command, whose entry in the device's room is `seq`; the events that announce it."""
    command.seq = seq
    command.save(force_insert=True)
    return [changed(command), CommandsQueued()]


def described(command: Command) -> dict[str, Any]:
    """The command as the entry in its room has it."""
    return {"id": command.pk, "name": command.name, "args": command.args}


def mark_sent(command: Command) -> list[Event]:
    """The broker has the command. Nothing changes if its answer was quicker than this."""
    return recorded(_change, [CommandStatus.QUEUED], command.id, status=CommandStatus.SENT)


def answer(device: Device | Sender, given: Answer) -> Outcome:
    """Stores the device's answer; empty if it belongs to no open command of this device.

    Call it inside a transaction.
    """
    status = CommandStatus.SUCCEEDED if given.ok else CommandStatus.FAILED
    return _change(_OPEN, given.command_id, device, status=status, result=given.result, error=given.error[:1024])


def expire() -> list[Event]:
    """Times out the open commands that were not answered in time; the events to publish."""
    due = Command.objects.filter(status__in=_OPEN, expires_at__lte=now_us()).values_list("id", flat=True)
    events: list[Event] = []
    for id in list(due[:MAX_EXPIRED]):
        events += recorded(_change, _OPEN, id, status=CommandStatus.TIMED_OUT, error="no answer in time")
    return events


def changed(command: Command) -> CommandChanged:
    """The event with the command's present state. It may query the database."""
    return CommandChanged(
        device_id=command.device_id,
        uid=command.device.uid,
        id=command.id,
        name=command.name,
        args=command.args,
        status=command.status,
        result=command.result,
        error=command.error,
        by=command.issued_by.get_username() if command.issued_by else "",
        at=command.changed_at,
    )


def _change(
    before: Collection[CommandStatus], id: str, device: Device | Sender | None = None, **fields: Any
) -> Outcome:
    rows = Command.objects.filter(id=id, status__in=before)
    if device is not None:
        rows = rows.filter(device=device.id)
    if not rows.update(changed_at=now_us(), **fields):
        return Outcome()
    command = Command.objects.select_related("device", "issued_by").get(id=id)
    outcome = Outcome([changed(command)])
    if command.status not in _OPEN:
        outcome.entries.append(_finished(command))
        transaction.on_commit(lambda: stats.commands_finished.labels(command.status).inc())
    return outcome


def _issued(command: Command, person: Person) -> NewEntry:
    return NewEntry(
        device_id=command.device_id,
        kind=MessageKind.COMMAND,
        at=command.issued_at,
        origin=origins.of_person(person),
        by=person.get_username(),
        author_id=person.pk,
        data=described(command),
    )


def _finished(command: Command) -> NewEntry:
    """The end of a command in its room: the device's answer, or the hub's report that none came."""
    timed_out = command.status == CommandStatus.TIMED_OUT
    data = {**described(command), "status": command.status}
    if command.error:
        data["error"] = command.error
    if command.result is not None:
        short = len(msgspec.json.encode(command.result)) <= MAX_RESULT_BYTES
        data |= {"result": command.result} if short else {"truncated": True}
    return NewEntry(
        device_id=command.device_id,
        kind=MessageKind.ANSWER,
        at=command.changed_at,
        origin=Origin.HUB if timed_out else Origin.DEVICE,
        by="hubbub" if timed_out else command.device.uid,
        data=data,
        of=command.seq,
    )


def _check_args(args: dict[str, Any]) -> None:
    _check_nesting(args, 1)
    try:
        encoded = msgspec.json.encode(args)
    except UnicodeEncodeError:
        raise Invalid("args contain text that is not valid Unicode") from None
    if len(encoded) > MAX_ARGS_BYTES:
        raise Invalid(f"args have more than {MAX_ARGS_BYTES} bytes")
    if b"\\u0000" in encoded:
        raise Invalid("args contain the NUL character")


def _check_nesting(value: Any, depth: int) -> None:
    """Refuses deep nesting, which a short text can hold and which breaks whatever walks through it, and NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid("args contain a number that is NaN or infinite")
    if isinstance(value, (dict, list)):
        if depth > MAX_ARGS_DEPTH:
            raise Invalid(f"args are nested more than {MAX_ARGS_DEPTH} levels deep")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_nesting(inner, depth + 1)
