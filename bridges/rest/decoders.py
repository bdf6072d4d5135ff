"""Decoders: the scripts of a space, and trying them."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.sources.decoders import trials
from bridges.sources.decoders.trials import MAX_BYTES
from devices import access
from devices.access import Action, Person
from devices.models import Decoder
from devices.registry import decoders
from devices.registry.decoders import MAX_EXAMPLES, MAX_F_PORT, MAX_SCRIPT, MAX_TEXT
from devices.runtime import database

router = Router(tags=["decoders"])


class DecoderFacts(BaseModel):
    id: int
    space: str = Field(description="slug of its space")
    name: str
    profile: str = Field(description="vendor's device profile or model that it is for; empty: its devices only")
    f_port: int = Field(description="port of messages whose protocol has none")
    revision: int
    updated_at: int
    devices: list[str] = Field(description="uids of the devices that it is assigned to")


class DecoderDetail(DecoderFacts):
    script: str
    examples: list[dict[str, Any]] = Field(description="its test vectors")


class DecoderList(BaseModel):
    items: list[DecoderFacts]


_PROFILE = "vendor's device profile or model that it is for; empty: only devices it is assigned to"
_EXAMPLES = 'test vectors: {"input": {"bytes": […], "fPort": 2}, "output": {"data": {…}}}; or "bytes", "fPort", "data"'


class DecoderChanges(RequestBody):
    """Fields that are left out stay as they are."""

    name: str = stated("", minLength=1, maxLength=MAX_TEXT)
    script: str = stated("", minLength=1, maxLength=MAX_SCRIPT, description="JavaScript, unchanged from its vendor")
    profile: str = stated("", maxLength=MAX_TEXT, description=_PROFILE)
    f_port: int = stated(1, minimum=1, maximum=MAX_F_PORT, description="port of messages whose protocol has none")
    examples: list[dict[str, Any]] = stated([], maxItems=MAX_EXAMPLES, description=_EXAMPLES)


class NewDecoder(DecoderChanges):
    space: str = Field(description="slug of the space")
    name: str = stated(minLength=1, maxLength=MAX_TEXT)
    script: str = stated(minLength=1, maxLength=MAX_SCRIPT, description="JavaScript, unchanged from its vendor")


class Trial(RequestBody):
    """`bytes`, `examples` or both."""

    bytes: str | None = stated(None, maxLength=2 * MAX_BYTES, description="payload in hexadecimal")
    fPort: int | None = stated(None, minimum=1, maximum=MAX_F_PORT)
    script: str | None = stated(None, maxLength=MAX_SCRIPT, description="tried in place of the stored one")
    examples: list[dict[str, Any]] = stated([], maxItems=MAX_EXAMPLES, description=_EXAMPLES)


class ScriptError(BaseModel):
    reason: str
    message: str
    line: int | None = Field(description="of the script; null: not known")


class TriedSample(BaseModel):
    metric: str
    value: bool | int | float | str
    time: int | None = Field(description="null: the time of receipt")


class Tried(BaseModel):
    data: Any = Field(description="what the script returned, in the form in which it is stored")
    samples: list[TriedSample] = Field(description="what would be stored")
    skipped: list[str] = Field(description="what would not be stored, and why")
    warnings: list[str]
    errors: list[ScriptError]
    console: list[str] = Field(description="what the script printed")
    us: int = Field(description="microseconds of processor time")


class TriedExample(BaseModel):
    description: str
    passed: bool
    expected: Any
    got: Any
    errors: list[ScriptError]


class TrialResult(BaseModel):
    result: Tried | None = Field(description="of `bytes`")
    examples: list[TriedExample]


@router.get("", response={200: DecoderList, (401, 404, 503): Problem})
async def list_decoders(
    request: HttpRequest, space: Annotated[str | None, Query(description="slug; without it: all of your spaces")] = None
) -> dict[str, Any]:
    """The decoders of your spaces, by name."""
    return await database.run(_list, person_of(request), space)


@router.post("", response={201: DecoderDetail, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def create_decoder(request: HttpRequest, given: NewDecoder) -> Status[dict[str, Any]]:
    """Stores a script. Needs the role manager."""
    fields = given.model_dump(exclude_unset=True)
    return Status(201, await database.run(_create, person_of(request), fields.pop("space"), fields))


@router.get("/{int:id}", response={200: DecoderDetail, (401, 404, 503): Problem})
async def show_decoder(request: HttpRequest, id: int) -> dict[str, Any]:
    """One decoder with its script."""
    return await database.run(_show, person_of(request), id)


@router.patch("/{int:id}", response={200: DecoderDetail, (400, 401, 403, 404, 413, 422, 503): Problem})
async def change_decoder(request: HttpRequest, id: int, given: DecoderChanges) -> dict[str, Any]:
    """Changes the given fields; the next message is decoded by the new script. Needs the role manager."""
    return await database.run(_change, person_of(request), id, given.model_dump(exclude_unset=True))


@router.delete("/{int:id}", response={204: None, (401, 403, 404, 503): Problem})
async def delete_decoder(request: HttpRequest, id: int) -> Status[None]:
    """Deletes it. What its devices send is read as JSON from then on. Needs the role manager."""
    await database.run(_delete, person_of(request), id)
    return Status(204, None)


@router.post("/{int:id}/try", response={200: TrialResult, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def try_decoder(request: HttpRequest, id: int, given: Trial) -> dict[str, Any]:
    """Runs the script on a payload and on test vectors. Nothing is stored. Needs the role manager."""
    person = person_of(request)
    script, f_port = await database.run(_script, person, id, given.script)
    payload = None if given.bytes is None else trials.payload_of(given.bytes)
    return await trials.run(int(person.pk), script, payload, given.fPort or f_port, given.examples)


def _list(person: Person, slug: str | None) -> dict[str, Any]:
    found = access.decoders(person).select_related("space").prefetch_related("devices")
    if slug is not None:
        found = found.filter(space=access.space(person, slug))
    return {"items": [_facts(decoder) for decoder in found]}


def _create(person: Person, slug: str, fields: dict[str, Any]) -> dict[str, Any]:
    return _detail(decoders.create(access.space(person, slug, Action.MANAGE), **fields))


def _show(person: Person, id: int) -> dict[str, Any]:
    return _detail(access.decoder(person, id))


def _change(person: Person, id: int, fields: dict[str, Any]) -> dict[str, Any]:
    decoder = access.decoder(person, id, Action.MANAGE)
    decoders.change(decoder, **fields)
    return _detail(decoder)


def _delete(person: Person, id: int) -> None:
    decoders.delete(access.decoder(person, id, Action.MANAGE))


def _script(person: Person, id: int, other: str | None) -> tuple[str, int]:
    decoder = access.decoder(person, id, Action.MANAGE)
    if other is None:
        return decoder.script, decoder.f_port
    decoders.check_script(other)
    return other, decoder.f_port


def _facts(decoder: Decoder) -> dict[str, Any]:
    return {
        "id": decoder.pk,
        "space": decoder.space.slug,
        "name": decoder.name,
        "profile": decoder.profile,
        "f_port": decoder.f_port,
        "revision": decoder.revision,
        "updated_at": int(decoder.updated_at.timestamp() * 1000),
        "devices": [device.uid for device in decoder.devices.all()],
    }


def _detail(decoder: Decoder) -> dict[str, Any]:
    return {**_facts(decoder), "script": decoder.script, "examples": decoder.examples}
