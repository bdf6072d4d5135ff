"""Devices and their readings."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from bridges.rest import times
from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.schemas import AvailabilityHistory, DeviceChanges, DeviceDetail, DeviceList, Readings
from devices import access
from devices.access import Action, Person
from devices.availability import history as availability_history
from devices.availability import silence
from devices.availability.silence import set_stale_after
from devices.errors import Invalid, NotFound
from devices.models import Device
from devices.runtime import database
from devices.telemetry import history, latest
from devices.values import now_us

router = Router(tags=["devices"])

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
DEFAULT_POINTS = 1_000

_When = Annotated[str | None, Query(description="milliseconds since 1970 UTC, or ISO 8601")]


@router.get("", response={200: DeviceList, (401, 404, 422, 503): Problem})
async def list_devices(
    request: HttpRequest,
    space: Annotated[str | None, Query(description="slug of a space; else all of yours")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """The devices that you may watch, by name, with their newest values."""
    return await database.run(_list, asking(request), space, limit, offset)


@router.get("/{uid}", response={200: DeviceDetail, (401, 404, 503): Problem})
async def show_device(request: HttpRequest, uid: str) -> dict[str, Any]:
    """One device: what it is, its newest values and its metrics."""
    return await database.run(_show, asking(request), uid)


@router.patch("/{uid}", response={200: DeviceDetail, (400, 401, 403, 404, 413, 422, 503): Problem})
async def change_device(request: HttpRequest, uid: str, given: DeviceChanges) -> dict[str, Any]:
    """Changes what is given of the device. Needs the role manager."""
    return await database.run(_change, asking(request), uid, given)


@router.get("/{uid}/availability", response={200: AvailabilityHistory, (401, 404, 422, 503): Problem})
async def show_availability(request: HttpRequest, uid: str, start: _When = None, end: _When = None) -> dict[str, Any]:
    """When the device was online, offline, stale or unknown, from `start` to before `end`.

    Without `end` up to now, without `start` the day before `end`. At most the newest 1,000 changes.
    """
    first, last = _window(start, end, DAY_US)
    return await database.run(_availability, asking(request), uid, first, last)


@router.get("/{uid}/readings", response={200: Readings, (401, 404, 422, 503): Problem}, exclude_unset=True)
async def show_readings(
    request: HttpRequest,
    uid: str,
    metric: str,
    start: _When = None,
    end: _When = None,
    points: Annotated[int, Query(ge=1, le=history.MAX_POINTS)] = DEFAULT_POINTS,
) -> history.Columns:
    """Readings of one metric from `start` to before `end`: raw where `points` suffice, else a rollup.

    Without `end` up to now, without `start` the hour before `end`.
    """
    first, last = _window(start, end, HOUR_US)
    return await database.run(_history, asking(request), uid, metric, first, last, points)


def _list(person: Person, slug: str | None, limit: int, offset: int) -> dict[str, Any]:
    visible = access.devices(person).select_related("space")
    if slug is not None:
        space = access.spaces(person).filter(slug=slug).first() if slug.isprintable() else None
        if space is None:
            raise NotFound(f"there is no space {slug!r}")
        visible = visible.filter(space=space)
    page = visible.order_by("name", "uid")[offset : offset + limit]
    return {"items": list(latest.snapshots(page).values()), "count": visible.count()}


def _show(person: Person, uid: str) -> dict[str, Any]:
    return _detail(access.device(person, uid))


def _change(person: Person, uid: str, given: DeviceChanges) -> dict[str, Any]:
    device = access.device(person, uid, Action.MANAGE)
    if "stale_after_s" in given.model_fields_set:
        set_stale_after(device, given.stale_after_s)
    return _detail(device)


def _detail(device: Device) -> dict[str, Any]:
    return {
        **latest.snapshots([device])[device.uid],
        "metrics": list(device.metrics.order_by("name").values("name")),
        "stale_after_s": device.stale_after_s,
        "silence_limit_s": silence.silence_limit_us(device) // 1_000_000,
    }


def _availability(person: Person, uid: str, start: int, end: int) -> dict[str, Any]:
    return availability_history.history(access.device(person, uid), start, end, now_us())


def _history(person: Person, uid: str, metric: str, start: int, end: int, points: int) -> history.Columns:
    return history.history(access.device(person, uid), metric, start, end, points)


def _window(start: str | None, end: str | None, span: int) -> tuple[int, int]:
    """`(start, end)` in microseconds, `span` apart where no start is given. Raises `Invalid`."""
    last = now_us() if end is None else times.parse("end", end)
    first = max(0, last - span) if start is None else times.parse("start", start)
    if first >= last:
        raise Invalid("start must be before end")
    return first, last
