"""What a change of a command brings about: an event for viewers, and an entry in the room of its device."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.access import Person
from devices.channel.events import CommandChanged
from devices.commands.models import Command
from devices.log import origins
from devices.log.entries import NewEntry
from devices.values import CommandStatus, MessageKind, Origin

MAX_RESULT_BYTES = 4 * 1024
"""JSON of an answer's result that the room's log shows. The command's row holds the whole result."""
_BY_THE_HUB = (CommandStatus.TIMED_OUT, CommandStatus.UNCONFIRMED)


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
        expires_at=command.expires_at,
        late=command.late,
    )


def described(command: Command) -> dict[str, Any]:
    """The command as the entry in its room has it."""
    return {"id": command.pk, "name": command.name, "args": command.args, "expires_at": command.expires_at // 1000}


def issued(command: Command, person: Person) -> NewEntry:
    return NewEntry(
        device_id=command.device_id,
        kind=MessageKind.COMMAND,
        at=command.issued_at,
        origin=origins.of_person(person),
        by=person.get_username(),
        author_id=person.pk,
        data=described(command),
    )


def finished(command: Command) -> NewEntry:
    """The end of a command in its room: the device's answer, or the hub's report that none came. A late answer is an
    entry of its own, after that report."""
    by_hub = command.status in _BY_THE_HUB and not command.late
    data = {"id": command.pk, "name": command.name, "args": command.args, "status": command.status}
    if command.late:
        data["late"] = True
    if command.error:
        data["error"] = command.error
    if command.result is not None:
        short = len(msgspec.json.encode(command.result)) <= MAX_RESULT_BYTES
        data |= {"result": command.result} if short else {"truncated": True}
    return NewEntry(
        device_id=command.device_id,
        kind=MessageKind.ANSWER,
        at=command.changed_at,
        origin=Origin.HUB if by_hub else Origin.DEVICE,
        by="hubbub" if by_hub else command.device.uid,
        data=data,
        of=command.seq,
    )
