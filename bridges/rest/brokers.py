"""Brokers that the hub connects to beside its own, where there are sources."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.sources import connection_test
from bridges.sources.brokers import address_of
from bridges.sources.conventions import make
from devices import access
from devices.access import Action, Person
from devices.errors import Invalid
from devices.registry import brokers as own_brokers
from devices.registry.sources import brokers
from devices.registry.sources.models import OutsideBroker
from devices.runtime import database
from devices.values import is_storable

router = Router(tags=["sources"])


class BrokerFacts(BaseModel):
    name: str
    own: bool = Field(description="devices sign in there with accounts of the hub")
    host: str = Field("", description="empty for the hub's own")
    port: int | None = None
    tls: bool = False
    ca: str = Field("", description="PEM: the authorities to trust; empty: the system's")
    username: str = ""
    space: str | None = Field(None, description="slug of the space whose managers may use it; null: no single space")


class BrokerList(BaseModel):
    items: list[BrokerFacts]


class BrokerConnection(RequestBody):
    host: str = stated(maxLength=255)
    port: int = stated(1883, minimum=1, maximum=65_535)
    tls: bool = False
    ca: str = stated("", maxLength=65_536, description="PEM: the authorities to trust; empty: the system's")
    username: str = stated("", maxLength=255)
    password: str = stated("", maxLength=1_024, description="never returned")


class NewBroker(BrokerConnection):
    name: str = stated(maxLength=64)
    space: str | None = stated(None, description="slug of the space whose managers may use it; null: administrators")


class BrokerTest(BrokerConnection):
    """A broker of which nothing is stored, or the `broker` of this name."""

    host: str = stated("", maxLength=255)
    broker: str = stated("", description="name of one that was added, in place of the other fields")
    space: str
    convention: str = stated("", description="whose topics the test subscribes to; empty: none")
    prefix: str = ""


class BrokerTestResult(BaseModel):
    ok: bool
    problem: str = Field(description="what is wrong, as a sentence; empty: nothing")


@router.get("", response={200: BrokerList, (401, 403, 404, 503): Problem})
async def list_brokers(
    request: HttpRequest, space: Annotated[str, Query(description="slug of a space that you manage")]
) -> dict[str, Any]:
    """The brokers at which sources of the space may be. Needs the role manager."""
    return await database.run(_list, person_of(request), space)


@router.post("", response={201: BrokerFacts, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def create_broker(request: HttpRequest, given: NewBroker) -> Status[Any]:
    """Adds a broker for a space, for which the role manager is needed, or for no space, which only administrators of
    the hub may."""
    return Status(201, await database.run(_create, person_of(request), given))


@router.post("/test", response={200: BrokerTestResult, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def test_broker(request: HttpRequest, given: BrokerTest) -> dict[str, Any]:
    """Signs in at a broker, and subscribes where a convention is named. Needs the role manager."""
    person = person_of(request)
    address, filters = await database.run(_to_test, person, given)
    connection_test.allowance.spend(int(person.pk or 0))
    try:
        await connection_test.attempt(address, filters)
    except connection_test.ConnectionFailed as error:
        return {"ok": False, "problem": str(error)}
    return {"ok": True, "problem": ""}


@router.delete("/{name}", response={204: None, (401, 404, 422, 503): Problem})
async def delete_broker(request: HttpRequest, name: str) -> Status[Any]:
    """Deletes a broker without sources."""
    await database.run(_delete, person_of(request), name)
    return Status(204, None)


def _list(person: Person, slug: str) -> dict[str, Any]:
    space = access.space(person, slug, Action.MANAGE)
    own = [{"name": name, "own": True} for name in own_brokers.names()]
    return {"items": [*own, *map(_facts, access.outside_brokers(person, space.pk).select_related("space"))]}


def _create(person: Person, given: NewBroker) -> dict[str, Any]:
    space = access.space_of_broker(person, given.space)
    _check(given)
    broker = brokers.create(
        given.name,
        given.host.strip(),
        given.port,
        tls=given.tls,
        ca=given.ca.strip(),
        username=given.username,
        password=given.password,
        space=space,
    )
    return _facts(broker)


def _check(given: BrokerConnection) -> None:
    for name, most in (("host", 255), ("username", 255), ("password", 1_024), ("ca", 65_536)):
        text = getattr(given, name)
        if len(text) > most or not is_storable(text):
            raise Invalid(f"{name}: up to {most:,} characters, none of them NUL")
    host = given.host.strip()
    if not host or not host.isprintable() or set(host) & set(" /@?#"):
        raise Invalid("host: a host name or an address, such as broker.example.org or 192.168.1.10")
    if not 1 <= given.port <= 65_535:
        raise Invalid("port: from 1 to 65535")
    if given.ca.strip():
        try:
            BrokerAddress(host, given.port, tls=True, ca_text=given.ca.strip()).tls_context()
        except AddressError as error:
            raise Invalid(f"ca: {error}") from None


def _to_test(person: Person, given: BrokerTest) -> tuple[BrokerAddress, list[str]]:
    space = access.space(person, given.space, Action.MANAGE)
    filters = list(make(given.convention, given.prefix).filters()) if given.convention else []
    if given.broker:
        found = access.outside_brokers(person, space.pk).filter(name=given.broker).first()
        if found is None:
            raise Invalid("broker: only brokers that were added can be tested")
        try:
            return address_of(found), filters
        except AddressError as error:
            raise Invalid(str(error)) from None
    _check(given)
    login = given.username or None, given.password or None
    return BrokerAddress(given.host.strip(), given.port, *login, tls=given.tls, ca_text=given.ca.strip()), filters


def _delete(person: Person, name: str) -> None:
    brokers.delete(access.managed_broker(person, name))


def _facts(broker: OutsideBroker) -> dict[str, Any]:
    return {
        "name": broker.name,
        "own": False,
        "host": broker.host,
        "port": broker.port,
        "tls": broker.tls,
        "ca": broker.ca,
        "username": broker.username,
        "space": broker.space.slug if broker.space else None,
    }
