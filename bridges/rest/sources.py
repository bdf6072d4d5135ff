"""Sources: devices that speak a convention of their own at a broker."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.sources import adding
from devices import access
from devices.access import Action, Person
from devices.registry import brokers
from devices.registry.sources import sources
from devices.registry.sources.models import Source
from devices.runtime import database

router = Router(tags=["sources"])


class SourceFacts(BaseModel):
    id: int
    space: str = Field(description="slug of the space that its devices belong to")
    broker: str
    convention: str
    prefix: str
    adopt: bool = Field(description="new devices are added without asking")
    connected: bool = Field(description="a bridge is listening to it")
    state: str = Field(description="why no bridge is listening to it")
    problem: str = Field(description="what could not be read last and belongs to no device")


class SourceList(BaseModel):
    items: list[SourceFacts]


class NewSource(RequestBody):
    space: str
    broker: str = Field("", description="name of the broker; empty: the first")
    convention: str
    prefix: str = Field("", description="the first levels of its topics; empty: the convention's own")
    adopt: bool = False
    options: dict[str, Any] = Field(default_factory=dict)


class SourceChanges(RequestBody):
    """Fields that are left out stay as they are."""

    adopt: bool | None = stated(None, description="new devices are added without asking")


@router.get("", response={200: SourceList, (401, 503): Problem})
async def list_sources(request: HttpRequest) -> dict[str, Any]:
    """The sources of the spaces that you manage."""
    return await database.run(_list, person_of(request))


@router.post("", response={201: SourceFacts, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def create_source(request: HttpRequest, given: NewSource) -> Status[Any]:
    """Listens to devices that speak a convention. Needs the role manager."""
    return Status(201, await database.run(_create, person_of(request), given))


@router.get("/{id}", response={200: SourceFacts, (401, 403, 404, 503): Problem})
async def show_source(request: HttpRequest, id: int) -> dict[str, Any]:
    """One source, and whether it is connected."""
    return await database.run(_show, person_of(request), id)


@router.patch("/{id}", response={200: SourceFacts, (400, 401, 403, 404, 413, 422, 503): Problem})
async def change_source(request: HttpRequest, id: int, given: SourceChanges) -> dict[str, Any]:
    """Whether new devices are added without asking. Needs the role manager."""
    return await database.run(_change, person_of(request), id, given)


@router.delete("/{id}", response={204: None, (401, 403, 404, 503): Problem})
async def delete_source(request: HttpRequest, id: int) -> Status[Any]:
    """Deletes the source with what was found and its logins. Devices that were added stay, with their history."""
    await database.run(_delete, person_of(request), id)
    return Status(204, None)


def _list(person: Person) -> dict[str, Any]:
    return {"items": [_facts(source) for source in access.sources(person).select_related("space")]}


def _create(person: Person, given: NewSource) -> dict[str, Any]:
    space = access.space(person, given.space, Action.MANAGE)
    access.require_broker(person, space.pk, given.broker or brokers.first())
    source = adding.add(space, given.broker, given.convention, given.prefix, adopt=given.adopt, options=given.options)
    return _facts(source)


def _show(person: Person, id: int) -> dict[str, Any]:
    return _facts(access.source(person, id))


def _change(person: Person, id: int, given: SourceChanges) -> dict[str, Any]:
    source = access.source(person, id)
    if given.adopt is not None:
        sources.set_adopt(source, given.adopt)
    return _facts(source)


def _delete(person: Person, id: int) -> None:
    sources.delete(access.source(person, id))


def _facts(source: Source) -> dict[str, Any]:
    return {
        "id": source.pk,
        "space": source.space.slug,
        "broker": source.broker,
        "convention": source.convention,
        "prefix": source.prefix,
        "adopt": source.adopt,
        "connected": source.is_connected,
        "state": source.state,
        "problem": source.problem,
    }
