"""Writes of commands. Every change of status is a conditional update, so that of two writers one wins."""

from __future__ import annotations

import base64
import math
import secrets
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
from devices.log.entries import NewEntry
from devices.registry.models import Device
from devices.registry.senders import Sender
from devices.runtime import database, stats
from devices.values import MAX_NAME, Answer, CommandStatus, MessageKind, Origin, now_us

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 3600.0
MAX_ARGS_BYTES = 16 * 1024
MAX_ARGS_DEPTH = 8
MAX_SHOWN_BYTES = 4 * 1024
"""Of an answer's result in the room."""

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
    with transaction.atomic():
        command = queue(person, device, name, args, timeout_s)
        line = NewEntry(
            device_id=device.pk,
            kind=MessageKind.COMMAND,
            at=command.issued_at,
            origin=origins.of_person(person),
            by=person.get_username(),
            author_id=person.pk,
            data=shown(command),
        )
        written = entries.append([line])
        for message in written.messages:
            note_seq(command, message.seq)
    return command, [*woken(command), *written.events]


def queue(
    person: Person, device: Device, name: str, args: dict[str, Any], timeout_s: float = DEFAULT_TIMEOUT_S
) -> Command:
    """A new command of somebody who may; the caller writes it into the device's room. Raises `Invalid`."""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"a command's name has 1 to {MAX_NAME} printable characters")
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise Invalid(f"timeout_s must be more than 0 and at most {MAX_TIMEOUT_S:.0f}")
    _check_args(args, 1)
    try:
        size = len(msgspec.json.encode(args))
    except UnicodeEncodeError:
        raise Invalid("args hold text that is not Unicode") from None
    if size > MAX_ARGS_BYTES:
        raise Invalid(f"args have more than {MAX_ARGS_BYTES} bytes")
    if "\\u0000" in msgspec.json.encode(args).decode():
        raise Invalid("args hold the NUL character")
    now = now_us()
    return Command.objects.create(
        id=base64.b32encode(secrets.token_bytes(10)).decode().lower(),
        device=device,
        issued_by_id=person.pk,
        name=name,
        args=args,
        issued_at=now,
        changed_at=now,
        expires_at=now + int(timeout_s * 1_000_000),
    )


def note_seq(command: Command, seq: int) -> None:
    """Where in the device's room the command stands."""
    command.seq = seq
    Command.objects.filter(pk=command.pk).update(seq=seq)


def woken(command: Command) -> list[Event]:
    """What tells viewers and the outbound bridge of a new command."""
    return [changed(command), CommandsQueued()]


def shown(command: Command) -> dict[str, Any]:
    """The command as its message in the room has it."""
    return {"id": command.pk, "name": command.name, "args": command.args}


def _check_args(value: Any, depth: int) -> None:
    """Deep nesting, which small text can hold, would break whoever walks through it; NaN is no JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid("args hold a number that is NaN or infinite")
    if isinstance(value, (dict, list)):
        if depth > MAX_ARGS_DEPTH:
            raise Invalid(f"args are nested more than {MAX_ARGS_DEPTH} deep")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_args(inner, depth + 1)


def mark_sent(command: Command) -> list[Event]:
    """The broker has the command. Nothing changes where the answer was quicker than this."""
    return _change([CommandStatus.QUEUED], command.id, status=CommandStatus.SENT)


def answer(device: Device | Sender, given: Answer, lines: list[NewEntry] | None = None) -> list[Event]:
    """Takes the device's answer; empty where it belongs to no open command of this device.

    `lines`: takes what the device's room is to be told, where the caller writes that itself.
    """
    status = CommandStatus.SUCCEEDED if given.ok else CommandStatus.FAILED
    return _change(_OPEN, given.command_id, device, lines, status=status, result=given.result, error=given.error[:1024])


def expire() -> list[Event]:
    """Times out the open commands whose time is over."""
    due = Command.objects.filter(status__in=_OPEN, expires_at__lte=now_us()).values_list("id", flat=True)
    changes: list[Event] = []
    for id in list(due[:1000]):
        changes += _change(_OPEN, id, status=CommandStatus.TIMED_OUT, error="no answer in time")
    return changes


def _change(
    before: tuple[CommandStatus, ...] | list[CommandStatus],
    id: str,
    device: Device | Sender | None = None,
    lines: list[NewEntry] | None = None,
    **fields: Any,
) -> list[Event]:
    rows = Command.objects.filter(id=id, status__in=before)
    if device is not None:
        rows = rows.filter(device=device.id)
    with transaction.atomic():
        if not rows.update(changed_at=now_us(), **fields):
            return []
        command = Command.objects.select_related("device", "issued_by").get(id=id)
        if command.status in _OPEN:
            return [changed(command)]
        told = entries.append_with([_outcome(command)], lines)
    stats.commands_finished.labels(fields["status"]).inc()
    return [changed(command), *told]


def _outcome(command: Command) -> NewEntry:
    """What came of the command, for the device's room: the device's answer, or the hub's word that there is none."""
    timed_out = command.status == CommandStatus.TIMED_OUT
    data = {**shown(command), "status": command.status}
    if command.error:
        data["error"] = command.error
    if command.result is not None:
        # The row holds it whole; a log of such answers would be slow to read.
        short = len(msgspec.json.encode(command.result)) <= MAX_SHOWN_BYTES
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


def changed(command: Command) -> CommandChanged:
    """The event that tells viewers of the command's present state. Touches the database."""
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
