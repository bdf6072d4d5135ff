"""The metrics of a device, and what a manager may change of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.request_body import RequestBody, stated
from devices import access
from devices.access import Action, Person
from devices.registry import metrics
from devices.runtime import database
from devices.values import MAX_NAME

router = Router(tags=["devices"])


class MetricFacts(BaseModel):
    name: str
    read_as: Literal["number", "boolean"] | None = Field(description="how its text values are read; null: as they are")
    ignored: bool = Field(description="its values are not stored")
    aliases: list[str] = Field(description="earlier names, under which the device may send it as well")


class MetricList(BaseModel):
    items: list[MetricFacts]


class MetricChanges(RequestBody):
    """Fields that are left out stay as they are."""

    name: str = stated("", minLength=1, maxLength=MAX_NAME, description="a new name; the old one becomes an alias")
    read_as: Literal["number", "boolean"] | None = Field(
        None, description="how text values are read from now on; null: as they are"
    )
    ignored: bool = stated(False, description="true: values are not stored from now on")


_Metric = Annotated[str, Query(description="name of the metric")]


@router.get("/{uid}/metrics", response={200: MetricList, (401, 404, 503): Problem})
async def list_metrics(request: HttpRequest, uid: str) -> dict[str, Any]:
    """The metrics of the device with their settings, by name."""
    return await database.run(_list, person_of(request), uid)


@router.patch("/{uid}/metrics", response={200: MetricFacts, (400, 401, 403, 404, 413, 422, 503): Problem})
async def change_metric(request: HttpRequest, uid: str, metric: _Metric, given: MetricChanges) -> dict[str, Any]:
    """Renames a metric, which keeps its history, or changes how its values are stored. Needs the role manager."""
    return await database.run(_change, person_of(request), uid, metric, given.model_dump(exclude_unset=True))


@router.delete("/{uid}/metrics", response={204: None, (401, 403, 404, 503): Problem})
async def delete_metric(request: HttpRequest, uid: str, metric: _Metric) -> Status[None]:
    """Deletes a metric with its history. It is created anew when the device sends it again, unless it is ignored."""
    await database.run(_delete, person_of(request), uid, metric)
    return Status(204, None)


def _list(person: Person, uid: str) -> dict[str, Any]:
    return {"items": metrics.facts(access.device(person, uid))}


def _change(person: Person, uid: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    device = access.device(person, uid, Action.MANAGE)
    metric = metrics.get(device, name)
    if "read_as" in given:
        given["read_as"] = given["read_as"] or ""
    metrics.change(metric, **given)
    return next(facts for facts in metrics.facts(device) if facts["name"] == metric.name)


def _delete(person: Person, uid: str, name: str) -> None:
    metrics.delete(metrics.get(access.device(person, uid, Action.MANAGE), name))
