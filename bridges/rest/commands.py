"""Commands to devices. A command's answer arrives in its row: ask again, or watch the device over WebSocket."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from devices import access
from devices.access import Person
from devices.commands import lifecycle, lookup
from devices.commands.args import MAX_ARGS_BYTES, MAX_ARGS_DEPTH
from devices.commands.lifecycle import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S
from devices.runtime import database
from devices.values import MAX_NAME

router = Router(tags=["commands"])


class CommandRequest(RequestBody):
    name: str = stated(minLength=1, maxLength=MAX_NAME, description="printable characters")
    args: dict[str, Any] = Field({}, description=f"up to {MAX_ARGS_BYTES // 1024} KiB of JSON, {MAX_ARGS_DEPTH} deep")
    timeout_s: float = stated(
        DEFAULT_TIMEOUT_S,
        exclusiveMinimum=0,
        maximum=MAX_TIMEOUT_S,
        description="without an answer by then the command has timed out, or is unconfirmed",
    )


class CommandQueued(BaseModel):
    command: str = Field(description="id of the command")
    status: str


class CommandFacts(BaseModel):
    id: str
    name: str
    args: dict[str, Any]
    status: str = Field(description="queued, sent, succeeded, failed, timed_out or unconfirmed")
    result: Any = Field(description="the device's answer")
    error: str = Field(description="why it failed")
    late: bool = Field(description="the answer came after the command had ended; error is empty if it was done")
    by: str = Field(description="username of the person who issued it")
    issued_at: int
    changed_at: int
    expires_at: int = Field(description="when the hub stops waiting, and the command is not delivered any more")


class CommandList(BaseModel):
    items: list[CommandFacts]


@router.post("/{uid}/commands", response={202: CommandQueued, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def issue_command(request: HttpRequest, uid: str, given: CommandRequest) -> Status[dict[str, str]]:
    """Queues a command. Needs the role operator. A device may have 100 open commands."""
    command = await lifecycle.issue(person_of(request), uid, given.name, given.args, given.timeout_s)
    return Status(202, {"command": command.id, "status": command.status})


@router.get("/{uid}/commands", response={200: CommandList, (401, 404, 422, 503): Problem})
async def list_commands(
    request: HttpRequest, uid: str, limit: Annotated[int, Query(ge=1, le=500)] = 20
) -> dict[str, Any]:
    """The device's commands, newest first."""
    return await database.run(_list, person_of(request), uid, limit)


@router.get("/{uid}/commands/{id}", response={200: CommandFacts, (401, 404, 503): Problem})
async def show_command(request: HttpRequest, uid: str, id: str) -> dict[str, Any]:
    """One command of the device, with its answer once there is one."""
    return await database.run(_show, person_of(request), uid, id)


def _list(person: Person, uid: str, limit: int) -> dict[str, Any]:
    return {"items": lookup.recent(access.device(person, uid), limit)}


def _show(person: Person, uid: str, id: str) -> dict[str, Any]:
    return lookup.describe(lookup.of_device(access.device(person, uid), id))
