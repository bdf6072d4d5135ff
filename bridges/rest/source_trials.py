"""Describing a mapping: its presets, what it would store, and what is published at a broker meanwhile."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from bridges.mqtt.address import AddressError, BrokerAddress
from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from bridges.sources import boundaries, brokers, samples
from bridges.sources.convention import Message
from bridges.sources.conventions import make
from bridges.sources.mapping.presets import all_presets
from bridges.sources.trying import try_messages
from devices import access
from devices.access import Action, Person
from devices.errors import Invalid, Unavailable
from devices.registry import brokers as registered_brokers
from devices.runtime import database
from devices.values import Value, now_us

MAX_TRIED = 50
"""Messages that are tried at once."""

router = Router(tags=["sources"])


class TriedMessage(RequestBody):
    topic: str = stated(maxLength=1_000)
    payload: str | None = stated(None, description="as text")
    payload_hex: str | None = stated(None, description="in hexadecimal, for one that is not text")


class SourceTrial(RequestBody):
    space: str
    convention: str = "mapping"
    prefix: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    messages: list[TriedMessage] = stated(maxItems=MAX_TRIED)


class WouldBeValue(BaseModel):
    metric: str
    value: Value
    time: int | None = Field(description="null: the time of receipt")


class WouldBeDevice(BaseModel):
    address: str
    name: str
    via: str
    values: list[WouldBeValue]
    attributes: dict[str, Any]
    availability: str = Field(description="empty: the message does not show it")
    problems: list[str]


class WouldPublish(BaseModel):
    topic: str
    payload: str


class Outcome(BaseModel):
    topic: str
    problem: str = Field(description="why nothing would be stored of it, or of a part that names no device")
    devices: list[WouldBeDevice]
    publishes: list[WouldPublish] = Field(description="what the hub would publish in return")


class SourceTrialResult(BaseModel):
    prefix: str = Field(description="the first levels of the topics, the convention's own where none was given")
    filters: list[str] = Field(description="what the hub would subscribe to")
    publishes_on: list[str] = Field(description="topics on which it would publish")
    messages: list[Outcome]


class SampleRequest(RequestBody):
    space: str
    broker: str = ""
    filter: str = stated(maxLength=400)


class SampledMessage(BaseModel):
    topic: str
    payload: str | None = Field(description="as text; null: it is not text")
    payload_hex: str | None
    size: int = Field(description="bytes; of a longer payload there is the beginning")
    retained: bool


class SampleResult(BaseModel):
    seconds: float = Field(description="for how long the hub has listened")
    items: list[SampledMessage]


class PresetFacts(BaseModel):
    name: str
    title: str
    prefix: str
    needs: str = Field(description="what must be set in the program")
    definition: dict[str, Any]
    examples: list[TriedMessage]


class PresetList(BaseModel):
    items: list[PresetFacts]


@router.get("/presets", response={200: PresetList, (401, 503): Problem})
async def list_presets(request: HttpRequest) -> dict[str, Any]:
    """Mappings of well-known programs and firmwares, which a mapping may begin with."""
    return {"items": [_preset(name) for name in all_presets()]}


@router.post("/try", response={200: SourceTrialResult, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def try_source(request: HttpRequest, given: SourceTrial) -> dict[str, Any]:
    """What a source would store of messages, before it is added. Stores nothing. Needs the role manager."""
    return await database.run(_try, person_of(request), given)


@router.post("/listen", response={200: SampleResult, (400, 401, 403, 404, 413, 422, 429, 503): Problem})
async def listen(request: HttpRequest, given: SampleRequest) -> dict[str, Any]:
    """The last messages that a broker sends within some seconds on topics of a filter. Stores nothing. Needs the role
    manager, and a broker that the space may use."""
    samples.check_filter(given.filter)
    person = person_of(request)
    address = await database.run(_broker, person, given)
    with samples.sampling.of(person.pk):
        found = await samples.take(address, given.filter)
    return {"seconds": samples.LISTEN_S, "items": [_sampled(one) for one in found]}


def _try(person: Person, given: SourceTrial) -> dict[str, Any]:
    access.space(person, given.space, Action.MANAGE)
    if len(given.messages) > MAX_TRIED:
        raise Invalid(f"messages: up to {MAX_TRIED}")
    convention = make(given.convention, given.prefix, given.options)
    now = now_us()
    messages = [Message(one.topic, _payload(number, one), now) for number, one in enumerate(given.messages)]
    return {
        "prefix": convention.prefix,
        "filters": list(convention.filters()),
        "publishes_on": list(convention.command_filters()),
        "messages": try_messages(convention, messages),
    }


def _payload(number: int, message: TriedMessage) -> bytes:
    if message.payload_hex is None:
        try:
            return (message.payload or "").encode()
        except UnicodeEncodeError:
            raise Invalid(f"messages[{number}].payload is not valid Unicode") from None
    try:
        return bytes.fromhex(message.payload_hex)
    except ValueError:
        raise Invalid(f"messages[{number}].payload_hex: hexadecimal digits, two for each byte") from None


def _broker(person: Person, given: SampleRequest) -> BrokerAddress:
    space = access.space(person, given.space, Action.MANAGE)
    name = given.broker or registered_brokers.first()
    access.require_broker(person, space.pk, name)
    boundaries.check(name, space.pk, [given.filter])
    if brokers.is_embedded(name):
        raise Invalid("devices send to the hub's own broker once the source is added; type a message instead")
    try:
        return brokers.usable(name).with_password()
    except (AddressError, OSError) as error:
        raise Unavailable(str(error)) from None


def _sampled(one: samples.Sampled) -> dict[str, Any]:
    try:
        text: str | None = one.payload.decode()
    except UnicodeDecodeError:
        text = None
    return {
        "topic": one.topic,
        "payload": text,
        "payload_hex": one.payload.hex() if text is None else None,
        "size": max(one.size, len(one.payload)),
        "retained": one.retained,
    }


def _preset(name: str) -> dict[str, Any]:
    preset = all_presets()[name]
    return {
        "name": name,
        "title": preset.title,
        "prefix": preset.prefix,
        "needs": preset.needs,
        "definition": preset.definition,
        "examples": [{"topic": one["topic"], "payload": one["payload"]} for one in preset.examples],
    }
