"""Devices and their readings."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from bridges.rest import times
from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.schemas import DeviceDetail, DeviceList, Readings
from devices import access, database
from devices.access import Person
from devices.errors import Invalid, NotFound
from devices.queries import devices, readings
from devices.values import now_us

router = Router(tags=["devices"])

HOUR_US = 3_600_000_000
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


@router.get("/{uid}/readings", response={200: Readings, (401, 404, 422, 503): Problem}, exclude_unset=True)
async def show_readings(
    request: HttpRequest,
    uid: str,
    metric: str,
    start: _When = None,
    end: _When = None,
    points: Annotated[int, Query(ge=1, le=readings.MAX_POINTS)] = DEFAULT_POINTS,
) -> readings.Columns:
    """Readings of one metric from `start` to before `end`: raw where `points` suffice, else a rollup.

    Without `end` up to now, without `start` the hour before `end`.
    """
    first, last = _window(start, end)
    return await database.run(_history, asking(request), uid, metric, first, last, points)


def _list(person: Person, slug: str | None, limit: int, offset: int) -> dict[str, Any]:
    visible = access.devices(person).select_related("space")
    if slug is not None:
        space = access.spaces(person).filter(slug=slug).first() if slug.isprintable() else None
        if space is None:
            raise NotFound(f"there is no space {slug!r}")
        visible = visible.filter(space=space)
    page = visible.order_by("name", "uid")[offset : offset + limit]
    return {"items": list(devices.snapshots(page).values()), "count": visible.count()}


def _show(person: Person, uid: str) -> dict[str, Any]:
    device = access.device(person, uid)
    metrics = list(device.metrics.order_by("name").values("name"))
    return {**devices.snapshots([device])[uid], "metrics": metrics}


def _history(person: Person, uid: str, metric: str, start: int, end: int, points: int) -> readings.Columns:
    return readings.history(access.device(person, uid), metric, start, end, points)


def _window(start: str | None, end: str | None) -> tuple[int, int]:
    """`(start, end)` in microseconds. Raises `Invalid`."""
    last = now_us() if end is None else times.parse("end", end)
    first = max(0, last - HOUR_US) if start is None else times.parse("start", start)
    if first >= last:
        raise Invalid("start must be before end")
    return first, last
