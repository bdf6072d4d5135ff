"""A device's readings as a CSV file, out and in."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from bridges.codec import FUTURE_US
from bridges.csv import importing, writer
from bridges.rest import times
from bridges.rest.auth import asking
from bridges.rest.errors import Problem
from bridges.rest.schemas import Extents, Imported
from bridges.rest.streaming import begun
from devices import access
from devices.access import Action, Person
from devices.errors import HubbubError, Invalid
from devices.runtime import database, stats
from devices.runtime.concurrency import Slots
from devices.telemetry import export
from devices.telemetry.export import Extent
from devices.values import now_us

logger = logging.getLogger("hubbub.rest")
router = Router(tags=["CSV"])

MAX_EXPORTS = 4
"""Each holds a page of readings and reads the next when its client has taken that."""
MAX_IMPORTS = 2
"""Requests that store: more would take all threads of the database and wait there for its lock."""

exports = Slots("exports", MAX_EXPORTS)
imports = Slots("imports", MAX_IMPORTS)

_Metrics = Annotated[list[str], Query(default_factory=list, description="may be repeated; without one: all metrics")]
_When = Annotated[str | None, Query(description="milliseconds since 1970 UTC, or ISO 8601")]
_FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "`time,metric,value`, by metric, then by time. A file that ends early is cut off: the "
            "connection breaks and the response is never complete.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    }
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "`time,metric,value`, or a column a metric. At most 1 MiB.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "time,metric,value\n2026-01-01T00:00:00.000Z,temperature,21.5\n",
            }
        },
    }
}


@router.get("/{uid}/readings.csv", response={(401, 403, 404, 422, 429, 503): Problem}, openapi_extra=_FILE)
async def export_readings(
    request: HttpRequest,
    uid: str,
    metric: _Metrics,
    start: _When = None,
    end: _When = None,
) -> StreamingHttpResponse:
    """All readings from `start` to before `end` as they are stored, without a limit to their number.

    A text that a spreadsheet would run as a formula, or read as a number, has an apostrophe in front.
    """
    person = asking(request)
    first, last = _window(start, end)
    found = await database.run(_extents, person, uid, metric, first, last)
    return StreamingHttpResponse(
        await begun(_Export(person, uid, found).run()),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{uid}-{datetime.now(UTC):%Y-%m-%d}.csv"',
            "X-Accel-Buffering": "no",  # a proxy that gathers it all would hide how far it is
        },
    )


@router.get("/{uid}/readings/extent", response={200: Extents, (401, 404, 422, 503): Problem})
async def show_extent(
    request: HttpRequest,
    uid: str,
    metric: _Metrics,
    start: _When = None,
    end: _When = None,
) -> dict[str, Any]:
    """From when to when there are readings of each metric: what an export with the same parameters will hold."""
    first, last = _window(start, end)
    found = await database.run(_extents, asking(request), uid, metric, first, last)
    return {"items": [{"metric": one.metric, "first": one.first // 1000, "last": one.last // 1000} for one in found]}


@router.post(
    "/{uid}/readings.csv",
    response={200: Imported, (400, 401, 403, 404, 413, 422, 429, 503): Problem},
    openapi_extra=_BODY,
)
async def import_readings(request: HttpRequest, uid: str) -> dict[str, Any]:
    """Stores readings from elsewhere. Needs the role manager.

    Each line is taken or refused by itself, and a repeat is harmless. Viewers who have the device open are not told.
    """
    person, body = asking(request), request.body
    with imports:
        return await database.run(_import, person, uid, body)


def _extents(person: Person, uid: str, metrics: list[str], start: int, end: int) -> list[Extent]:
    return export.extents(access.device(person, uid), metrics, start, end)


def _import(person: Person, uid: str, body: bytes) -> dict[str, Any]:
    device = access.device(person, uid, Action.MANAGE)
    return importing.store(device, io.BytesIO(body)).facts()


def _window(start: str | None, end: str | None) -> tuple[int, int]:
    """`(start, end)` in microseconds; all that there can be unless they are given. Raises `Invalid`."""
    last = now_us() + FUTURE_US + 1 if end is None else times.parse("end", end)
    first = 0 if start is None else times.parse("start", start)
    if first >= last:
        raise Invalid("start must be before end")
    return first, last


class _Export:
    """One export: reads a page when the one before has been taken."""

    def __init__(self, person: Person, uid: str, extents: list[Extent]) -> None:
        self._person = person
        self._uid = uid
        self._extents = extents

    async def run(self) -> AsyncIterator[bytes]:
        """The file, in pieces. Raises `TooMany` at once; what it raises later must break the response off."""
        end = "gone"
        with exports:
            try:
                beginning = writer.HEADER
                for extent in self._extents:
                    after: int | None = extent.first - 1
                    while after is not None:
                        content, after = await database.run(self._page, extent, after)
                        yield beginning + content
                        beginning = b""
                if beginning:
                    yield beginning
                end = "done"
            except Exception as error:
                end = "failed"
                reason = error.message if isinstance(error, HubbubError) else type(error).__name__
                logger.error("an export of %s broke off: %s", self._uid, reason)
                raise
            finally:
                stats.exports.labels(end).inc()

    def _page(self, extent: Extent, after: int) -> tuple[bytes, int | None]:
        """The next lines, and the time of the last of them where more may follow."""
        access.device(self._person, self._uid)  # a membership may end while a long export runs
        rows = export.page(extent, after)
        more = len(rows) == export.PAGE
        return writer.lines(extent.metric, rows), rows[-1][0] if more else None
