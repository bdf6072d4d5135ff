"""Devices: the list, one device, and what a manager may change of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.device_metrics import MetricFacts
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from devices import access
from devices.access import Action, Person
from devices.availability import silence
from devices.availability.silence import set_stale_after
from devices.models import Device
from devices.registry import decoders, devices, metrics
from devices.runtime import database
from devices.telemetry import clocks, snapshots
from devices.values import Clock, Value

router = Router(tags=["devices"])


class DeviceFacts(BaseModel):
    uid: str
    name: str
    space: str = Field(description="slug of the space that the device belongs to")
    attributes: dict[str, Any] = Field(description="slow facts that the device reported about itself")
    broker: str = Field(description="name of the MQTT broker that the device connects to")
    clock_offset_s: int = Field(description="how far its clock is ahead, negative if behind; 0: right, or not known")


class DeviceSnapshot(BaseModel):
    device: DeviceFacts
    availability: str = Field(description="online, offline, stale or unknown")
    availability_at: int | None = Field(description="since when; null for a device that never sent anything")
    via: str = Field("", description="the gateway because of which it cannot be reached; empty: none")
    latest: dict[str, tuple[int, Value]] = Field(description="newest `[time, value]` of each metric")


class DeviceList(BaseModel):
    items: list[DeviceSnapshot]
    count: int = Field(description="number of all devices, whatever the limit")


class DeviceDetail(DeviceSnapshot):
    metrics: list[MetricFacts]
    clock: str = Field(description="device: its own times count; receipt: the time of receipt counts")
    time_zone: str = Field(description="of its times without an offset from UTC; empty: UTC")
    is_gateway: bool = Field(description="it may speak for other devices")
    gateway: str = Field(description="uid of the gateway that speaks for it; empty: none")
    answers: bool = Field(description="false: it never answers commands, so its readings confirm them")
    decoder: int | None = Field(description="id of the decoder of what it sends; null: it sends JSON")
    stale_after_s: int | None = Field(description="a longer silence makes it stale; null: as learned")
    silence_limit_s: int = Field(description="the limit in force, as set or as learned")


class DeviceChanges(RequestBody):
    """Fields that are left out stay as they are."""

    stale_after_s: int | None = stated(
        None,
        minimum=silence.MIN_STALE_AFTER_S,
        maximum=silence.MAX_STALE_AFTER_S,
        description="a longer silence makes it stale; null: as learned",
    )
    clock: str = stated(
        "device", enum=[*Clock], description="device: its own times count; receipt: the time of receipt counts"
    )
    time_zone: str | None = stated(
        None, maxLength=64, description="IANA name for its times without an offset, such as Europe/Berlin; null: UTC"
    )
    answers: bool = stated(True, description="false: it never answers commands, so its readings confirm them")
    decoder: int | None = stated(None, description="id of the decoder of what it sends; null: it sends JSON")


@router.get("", response={200: DeviceList, (401, 404, 422, 503): Problem})
async def list_devices(
    request: HttpRequest,
    space: Annotated[str | None, Query(description="slug of a space; without it: all of your spaces")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The devices that you may watch, by name, with their newest values."""
    return await database.run(_list, person_of(request), space, limit, offset)


@router.get("/{uid}", response={200: DeviceDetail, (401, 404, 503): Problem})
async def show_device(request: HttpRequest, uid: str) -> dict[str, Any]:
    """One device with its attributes, its newest values and its metrics."""
    return await database.run(_show, person_of(request), uid)


@router.patch("/{uid}", response={200: DeviceDetail, (400, 401, 403, 404, 413, 422, 503): Problem})
async def change_device(request: HttpRequest, uid: str, given: DeviceChanges) -> dict[str, Any]:
    """Changes the given fields of the device. Needs the role manager."""
    return await database.run(_change, person_of(request), uid, given)


def _list(person: Person, slug: str | None, limit: int, offset: int) -> dict[str, Any]:
    visible = access.devices(person).select_related("space")
    if slug is not None:
        visible = visible.filter(space=access.space(person, slug))
    page = visible.order_by("name", "uid")[offset : offset + limit]
    return {"items": list(snapshots.of_devices(page).values()), "count": visible.count()}


def _show(person: Person, uid: str) -> dict[str, Any]:
    return detail(access.device(person, uid))


@transaction.atomic
def _change(person: Person, uid: str, given: DeviceChanges) -> dict[str, Any]:
    device = access.device(person, uid, Action.MANAGE)
    for name in given.model_fields_set:
        _SETTERS[name](device, getattr(given, name))
    return detail(device)


_SETTERS: dict[str, Callable[[Device, Any], None]] = {
    "stale_after_s": set_stale_after,
    "clock": clocks.set_clock,
    "time_zone": clocks.set_time_zone,
    "answers": devices.set_answers,
    "decoder": decoders.assign,
}


def detail(device: Device) -> dict[str, Any]:
    """A device in the form of `DeviceDetail`."""
    return {
        **snapshots.of_devices([device])[device.uid],
        "clock": device.clock,
        "time_zone": device.time_zone,
        "metrics": metrics.facts(device),
        "is_gateway": device.is_gateway,
        "gateway": device.gateway.uid if device.gateway else "",
        "answers": device.answers,
        "decoder": device.decoder_id,
        "stale_after_s": device.stale_after_s,
        "silence_limit_s": silence.silence_limit_us(device) // 1_000_000,
    }
