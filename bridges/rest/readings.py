"""Readings of one metric, in columns."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from bridges.rest import times
from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.times import When
from devices import access
from devices.access import Person
from devices.runtime import database
from devices.telemetry import history
from devices.values import Value, now_us

router = Router(tags=["devices"])

HOUR_US = 3_600_000_000
DEFAULT_POINTS = 1_000


class Readings(BaseModel):
    """Columns of equal length, ascending in time.

    `v` has raw readings. A rollup has `min`, `max`, `mean`, `last` and `count` of each bucket, whose start is in `t`.
    """

    metric: str
    resolution: str = Field(description='"raw", or the length of a bucket such as "60s" or "0.1s"')
    t: list[int]
    v: list[Value] = []
    min: list[float] = []
    max: list[float] = []
    mean: list[float] = []
    last: list[float] = []
    count: list[int] = []


@router.get("/{uid}/readings", response={200: Readings, (401, 404, 422, 503): Problem}, exclude_unset=True)
async def show_readings(
    request: HttpRequest,
    uid: str,
    metric: str,
    start: When = None,
    end: When = None,
    points: Annotated[int, Query(ge=1, le=history.MAX_POINTS)] = DEFAULT_POINTS,
) -> history.Columns:
    """Readings of one metric from `start` to before `end`: raw ones if they fit into `points`, else a rollup.

    Without `end` they end now, without `start` they begin an hour before `end`.
    """
    first, last = times.window(start, end, latest=now_us(), span=HOUR_US)
    return await database.run(_history, person_of(request), uid, metric, first, last, points)


def _history(person: Person, uid: str, metric: str, start: int, end: int, points: int) -> history.Columns:
    return history.history(access.device(person, uid), metric, start, end, points)
