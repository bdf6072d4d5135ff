"""Logins with which devices of a source sign in at the hub's own broker, and what another broker must allow the hub."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.sources import acl
from bridges.sources.conventions import make
from devices import access
from devices.access import Person
from devices.errors import Invalid
from devices.registry.sources import brokers, sources
from devices.registry.sources.models import SourceLogin
from devices.runtime import database
from devices.values import is_storable

router = Router(tags=["sources"])


class LoginFacts(BaseModel):
    id: int
    username: str
    label: str
    created_at: int


class LoginList(BaseModel):
    items: list[LoginFacts]


class NewLogin(RequestBody):
    label: str = stated("", maxLength=120)


class CreatedLogin(LoginFacts):
    secret: str = Field(description="it cannot be read again")


class AclFacts(BaseModel):
    reads: list[str] = Field(description="topic filters that the hub subscribes to")
    writes: list[str] = Field(description="topic filters that the hub publishes to")
    mosquitto: str
    emqx: str
    nats: str


@router.get("/{id}/logins", response={200: LoginList, (401, 403, 404, 503): Problem})
async def list_logins(request: HttpRequest, id: int) -> dict[str, Any]:
    """The logins of the source, without their secrets."""
    return await database.run(_list, person_of(request), id)


@router.post("/{id}/logins", response={201: CreatedLogin, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def create_login(request: HttpRequest, id: int, given: NewLogin) -> Status[Any]:
    """A further login; its secret is returned only here."""
    return Status(201, await database.run(_create, person_of(request), id, given))


@router.delete("/{id}/logins/{login}", response={204: None, (401, 403, 404, 503): Problem})
async def delete_login(request: HttpRequest, id: int, login: int) -> Status[Any]:
    """Ends the login: its devices are disconnected."""
    await database.run(_delete, person_of(request), id, login)
    return Status(204, None)


@router.get("/{id}/acl", response={200: AclFacts, (401, 403, 404, 422, 503): Problem})
async def show_acl(request: HttpRequest, id: int) -> dict[str, Any]:
    """What another broker must allow the login of the hub, in the broker's own words."""
    return await database.run(_acl, person_of(request), id)


def _list(person: Person, id: int) -> dict[str, Any]:
    return {"items": [_facts(login) for login in access.source(person, id).logins.all()]}


def _create(person: Person, id: int, given: NewLogin) -> dict[str, Any]:
    source = access.source(person, id)
    if len(given.label) > 120 or not is_storable(given.label):
        raise Invalid("label: up to 120 characters")
    login, secret = sources.create_login(source, given.label)
    return {**_facts(login), "secret": secret}


def _delete(person: Person, id: int, login: int) -> None:
    sources.delete_login(access.source(person, id), login)


def _acl(person: Person, id: int) -> dict[str, Any]:
    source = access.source(person, id)
    convention = make(source.convention, source.prefix, source.options)
    outside = brokers.named(source.broker)
    username = (outside.username if outside else "") or "hubbub"
    reads, writes = sorted(convention.filters()), sorted(convention.command_filters())
    return {
        "reads": reads,
        "writes": writes,
        "mosquitto": acl.mosquitto(username, reads, writes),
        "emqx": acl.emqx(username, reads, writes),
        "nats": acl.nats(username, reads, writes),
    }


def _facts(login: SourceLogin) -> dict[str, Any]:
    return {
        "id": login.pk,
        "username": login.username,
        "label": login.label,
        "created_at": int(login.created_at.timestamp() * 1000),
    }
