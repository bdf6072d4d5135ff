"""Retention of history: of a space, and of metrics that deviate from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from devices import access
from devices.access import Action, Person
from devices.models import Metric
from devices.registry import metrics
from devices.runtime import database
from devices.telemetry.retention import changes, policy

spaces_router = Router(tags=["retention"])
devices_router = Router(tags=["retention"])


class RetentionFacts(BaseModel):
    """Days; 0: for ever."""

    raw_days: int = Field(description="how long readings are kept")
    minute_days: int = Field(description="how long rollups of a minute are kept")
    hour_days: int = Field(description="how long rollups of an hour and of a day are kept")


_DAYS: dict[str, Any] = {"minimum": 0, "maximum": changes.MAX_DAYS}


class SpaceRetention(RequestBody):
    """The fields to change, in days; 0: for ever."""

    raw_days: int = stated(0, **_DAYS)
    minute_days: int = stated(0, **_DAYS)
    hour_days: int = stated(0, **_DAYS)


class OwnRetention(RequestBody):
    """Of this metric only, in days; 0: for ever, null: as in its space."""

    raw_days: int | None = stated(None, **_DAYS)
    minute_days: int | None = stated(None, **_DAYS)
    hour_days: int | None = stated(None, **_DAYS)


class MetricRetention(BaseModel):
    metric: str
    own: OwnRetention
    effective: RetentionFacts = Field(description="what is in force: its own days, or else those of its space")


class MetricRetentionList(BaseModel):
    items: list[MetricRetention]


_Metric = Annotated[str, Query(description="name of the metric")]


@spaces_router.get("/{slug}/retention", response={200: RetentionFacts, (401, 404, 503): Problem})
async def show_space_retention(request: HttpRequest, slug: str) -> dict[str, int]:
    """How long the space keeps history."""
    return await database.run(_show_space, person_of(request), slug)


@spaces_router.patch("/{slug}/retention", response={200: RetentionFacts, (400, 401, 403, 404, 422, 503): Problem})
async def change_space_retention(request: HttpRequest, slug: str, body: SpaceRetention) -> dict[str, int]:
    """Changes how long history is kept. Needs the role manager. Older history is deleted for good within minutes."""
    return await database.run(_change_space, person_of(request), slug, body.model_dump(exclude_unset=True))


@devices_router.get("/{uid}/retention", response={200: MetricRetentionList, (401, 404, 503): Problem})
async def show_device_retention(request: HttpRequest, uid: str) -> dict[str, Any]:
    """How long the history of each metric of the device is kept."""
    return await database.run(_show_device, person_of(request), uid)


@devices_router.patch("/{uid}/retention", response={200: MetricRetention, (400, 401, 403, 404, 422, 503): Problem})
async def change_metric_retention(
    request: HttpRequest, uid: str, metric: _Metric, body: OwnRetention
) -> dict[str, Any]:
    """Changes how long the history of one metric is kept. Needs the role manager."""
    return await database.run(_change_metric, person_of(request), uid, metric, body.model_dump(exclude_unset=True))


def _show_space(person: Person, slug: str) -> dict[str, int]:
    return asdict(policy.of_space(access.space(person, slug)))


def _change_space(person: Person, slug: str, days: dict[str, int | None]) -> dict[str, int]:
    space = access.space(person, slug, Action.MANAGE)
    changes.set_days(space, days)
    return asdict(policy.of_space(space))


def _show_device(person: Person, uid: str) -> dict[str, Any]:
    return {"items": [_facts(metric) for metric in metrics.of_device(access.device(person, uid))]}


def _change_metric(person: Person, uid: str, name: str, days: dict[str, int | None]) -> dict[str, Any]:
    metric = metrics.get(access.device(person, uid, Action.MANAGE), name)
    changes.set_days(metric, days)
    return _facts(metric)


def _facts(metric: Metric) -> dict[str, Any]:
    own = {field: getattr(metric, field) for field in policy.FIELDS}
    return {"metric": metric.name, "own": own, "effective": asdict(policy.of_metric(metric))}
