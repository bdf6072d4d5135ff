"""Devices that were found at a source: the list, adding and ignoring them."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.devices import DeviceDetail
from bridges.rest.devices import detail as device_detail
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody
from bridges.sources.conventions import CONVENTIONS
from devices import access
from devices.access import Person
from devices.errors import HubbubError
from devices.registry.sources import found
from devices.registry.sources.models import FoundDevice, Source
from devices.rooms import provisioning
from devices.runtime import database
from devices.values import Value

router = Router(tags=["sources"])


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


class Ignoring(RequestBody):
    ignored: bool = True


class AdoptedList(BaseModel):
    added: list[str] = Field(description="uids")
    problems: dict[str, str] = Field(description="why a device could not be added, by its address")


@router.get("/{id}/found", response={200: FoundList, (401, 403, 404, 503): Problem})
async def list_found(
    request: HttpRequest,
    id: int,
    ignored: Annotated[bool, Query(description="those that are ignored, in place of the others")] = False,
) -> dict[str, Any]:
    """The devices that were heard at the source and have not been added, those heard last first."""
    return await database.run(_list_found, person_of(request), id, ignored)


@router.post("/{id}/found/{key}/adopt", response={201: DeviceDetail, (400, 401, 403, 404, 413, 422, 503): Problem})
async def adopt_device(request: HttpRequest, id: int, key: str, given: Adoption | None = None) -> Status[Any]:
    """Adds a device that was found."""
    return Status(201, await database.run(_adopt, person_of(request), id, key, given or Adoption(uid="")))


@router.post("/{id}/found/{key}/ignore", response={200: FoundFacts, (400, 401, 403, 404, 413, 422, 503): Problem})
async def ignore_device(request: HttpRequest, id: int, key: str, given: Ignoring | None = None) -> dict[str, Any]:
    """Takes a found device off the list, or puts it back. One that is ignored is not added by itself."""
    return await database.run(_ignore, person_of(request), id, key, given or Ignoring())


@router.post("/{id}/found/adopt", response={200: AdoptedList, (401, 403, 404, 503): Problem})
async def adopt_all_devices(request: HttpRequest, id: int) -> dict[str, Any]:
    """Adds every device that was found and is not ignored."""
    return await database.run(_adopt_all, person_of(request), id)


def _list_found(person: Person, id: int, ignored: bool) -> dict[str, Any]:
    source = access.source(person, id)
    return {"items": [_found_facts(source, one) for one in found.listed(source, ignored=ignored)]}


def _adopt(person: Person, id: int, key: str, given: Adoption) -> dict[str, Any]:
    source = access.source(person, id)
    one = found.get(source, key)
    answers = CONVENTIONS[source.convention].answers
    return device_detail(provisioning.adopt(source, one, given.uid, given.name, answers=answers))


def _ignore(person: Person, id: int, key: str, given: Ignoring) -> dict[str, Any]:
    source = access.source(person, id)
    one = found.get(source, key)
    found.ignore(one, given.ignored)
    return _found_facts(source, one)


def _adopt_all(person: Person, id: int) -> dict[str, Any]:
    source = access.source(person, id)
    answers = CONVENTIONS[source.convention].answers
    added: list[str] = []
    problems: dict[str, str] = {}
    for one in found.listed(source):
        try:
            added.append(provisioning.adopt(source, one, answers=answers).uid)
        except HubbubError as error:
            problems[one.address] = error.message
    return {"added": added, "problems": problems}


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
