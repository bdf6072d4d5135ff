"""Sources: devices that speak a convention of their own at a broker, and those of them that were found."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.devices import DeviceDetail
from bridges.rest.devices import detail as device_detail
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody
from bridges.sources import adding
from bridges.sources.conventions import CONVENTIONS
from devices import access
from devices.access import Action, Person
from devices.registry import brokers
from devices.registry.sources import found
from devices.registry.sources.models import FoundDevice, Source
from devices.rooms import provisioning
from devices.runtime import database
from devices.values import Value

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


class FoundFacts(BaseModel):
    key: str = Field(description="the address in a form that a URL can hold")
    address: str
    name: str
    convention: str
    latest: dict[str, Value]
    attributes: dict[str, Any]
    availability: str
    via: str = Field(description="address of the bridge or gateway that speaks for it")
    problem: str
    ignored: bool
    first_at: int
    at: int


class FoundList(BaseModel):
    items: list[FoundFacts]


class Adoption(RequestBody):
    uid: str = Field("", description="empty: made from its key; that of a device of the space: it gets the address")
    name: str = ""


@router.get("", response={200: SourceList, (401, 503): Problem})
async def list_sources(request: HttpRequest) -> dict[str, Any]:
    """The sources of the spaces that you manage."""
    return await database.run(_list, person_of(request))


@router.post("", response={201: SourceFacts, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def create_source(request: HttpRequest, given: NewSource) -> Status[Any]:
    """Listens to devices that speak a convention. Needs the role manager."""
    return Status(201, await database.run(_create, person_of(request), given))


@router.get("/{id}/found", response={200: FoundList, (401, 403, 404, 503): Problem})
async def list_found(request: HttpRequest, id: int) -> dict[str, Any]:
    """The devices that were heard at the source and have not been added, those heard last first."""
    return await database.run(_list_found, person_of(request), id)


@router.post("/{id}/found/{key}/adopt", response={201: DeviceDetail, (400, 401, 403, 404, 413, 422, 503): Problem})
async def adopt_device(request: HttpRequest, id: int, key: str, given: Adoption) -> Status[Any]:
    """Adds a device that was found."""
    return Status(201, await database.run(_adopt, person_of(request), id, key, given))


def _list(person: Person) -> dict[str, Any]:
    return {"items": [_facts(source) for source in access.sources(person).select_related("space")]}


def _create(person: Person, given: NewSource) -> dict[str, Any]:
    space = access.space(person, given.space, Action.MANAGE)
    access.require_broker(person, space.pk, given.broker or brokers.first())
    source = adding.add(space, given.broker, given.convention, given.prefix, adopt=given.adopt, options=given.options)
    return _facts(source)


def _list_found(person: Person, id: int) -> dict[str, Any]:
    source = access.source(person, id)
    return {"items": [_found_facts(source, one) for one in found.listed(source)]}


def _adopt(person: Person, id: int, key: str, given: Adoption) -> dict[str, Any]:
    source = access.source(person, id)
    one = found.get(source, key)
    answers = CONVENTIONS[source.convention].answers
    return device_detail(provisioning.adopt(source, one, given.uid, given.name, answers=answers))


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


def _found_facts(source: Source, one: FoundDevice) -> dict[str, Any]:
    return {
        "key": one.key,
        "address": one.address,
        "name": one.name,
        "convention": source.convention,
        "latest": one.latest,
        "attributes": one.attributes,
        "availability": one.availability,
        "via": one.via,
        "problem": one.problem,
        "ignored": one.ignored,
        "first_at": one.first_at // 1000,
        "at": one.at // 1000,
    }
