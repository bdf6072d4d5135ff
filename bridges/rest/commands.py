"""Commands to devices. Answers arrive in the row: ask again, or watch the device over WebSocket."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.schemas import CommandFacts, CommandList, CommandQueued, CommandRequest
from devices import access
from devices.access import Person
from devices.commands import lifecycle, lookup
from devices.runtime import database

router = Router(tags=["commands"])


@router.post("/{uid}/commands", response={202: CommandQueued, (400, 401, 403, 404, 413, 422, 503): Problem})
async def issue_command(request: HttpRequest, uid: str, given: CommandRequest) -> Status[dict[str, str]]:
    """Queues a command. Needs the role operator."""
    command = await lifecycle.issue(asking(request), uid, given.name, given.args, given.timeout_s)
    return Status(202, {"command": command.id, "status": command.status})


@router.get("/{uid}/commands", response={200: CommandList, (401, 404, 422, 503): Problem})
async def list_commands(
    request: HttpRequest, uid: str, limit: Annotated[int, Query(ge=1, le=500)] = 20
) -> dict[str, Any]:
    """The device's commands, newest first."""
    return await database.run(_list, asking(request), uid, limit)


@router.get("/{uid}/commands/{id}", response={200: CommandFacts, (401, 404, 503): Problem})
async def show_command(request: HttpRequest, uid: str, id: str) -> dict[str, Any]:
    """One command of the device, with its answer once there is one."""
    return await database.run(_show, asking(request), uid, id)


def _list(person: Person, uid: str, limit: int) -> dict[str, Any]:
    return {"items": lookup.recent(access.device(person, uid), limit)}


def _show(person: Person, uid: str, id: str) -> dict[str, Any]:
    return lookup.describe(lookup.of_device(access.device(person, uid), id))
