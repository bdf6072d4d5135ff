"""A device's readings as a CSV file: export and import."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from bridges.codec.times import FUTURE_US
from bridges.csv import importing, writer
from bridges.rest import times
from bridges.rest.auth import person_of
from bridges.rest.errors import Problem
from bridges.rest.streaming import started
from bridges.rest.times import When
from devices import access
from devices.access import Action, Person
from devices.errors import HubbubError
from devices.runtime import database, stats
from devices.runtime.concurrency import ConcurrencyLimit
from devices.telemetry import export
from devices.telemetry.export import Extent
from devices.values import now_us

logger = logging.getLogger("hubbub.rest")
router = Router(tags=["CSV"])

MAX_EXPORTS, MAX_EXPORTS_EACH = 8, 2
"""Of all people, and of one. Each holds one page of readings and reads the next when its client has received that."""
MAX_IMPORTS, MAX_IMPORTS_EACH = 2, 1
"""More requests that store would occupy all database threads, waiting there for the lock of the database."""

exports = ConcurrencyLimit("exports", MAX_EXPORTS, MAX_EXPORTS_EACH)
imports = ConcurrencyLimit("imports", MAX_IMPORTS, MAX_IMPORTS_EACH)

_Metrics = Annotated[list[str], Query(default_factory=list, description="may be repeated; without one: all metrics")]
_FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "`time,metric,value`, by metric, then by time. If the export fails halfway, the "
            "connection breaks and the response is never complete.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    }
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "`time,metric,value`, or a column per metric. At most 1 MiB.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "time,metric,value\n2026-01-01T00:00:00.000Z,temperature,21.5\n",
            }
        },
    }
}


class ExtentFacts(BaseModel):
    metric: str
    first: int
    last: int


class Extents(BaseModel):
    items: list[ExtentFacts]


class RefusedReason(BaseModel):
    reason: str = Field(description="name of the reason")
    meaning: str = Field(description="the reason in words")
    count: int


class RefusedLine(BaseModel):
    line: int = Field(description="number of the line in the body, from 1")
    text: str = Field(description="its first 200 characters")
    reason: str
    meaning: str
    detail: str = Field(description="further details; may be empty")


class ImportSummary(BaseModel):
    """The counts are of values: a line with several columns has several."""

    stored: int = Field(description="readings that are new")
    present: int = Field(description="readings that existed already")
    refused: int
    reasons: list[RefusedReason]
    lines: list[RefusedLine] = Field(description="the first 100 refused lines")


@router.get("/{uid}/readings.csv", response={(401, 403, 404, 422, 429, 503): Problem}, openapi_extra=_FILE)
async def export_readings(
    request: HttpRequest,
    uid: str,
    metric: _Metrics,
    start: When = None,
    end: When = None,
) -> StreamingHttpResponse:
    """All readings from `start` to before `end` as they are stored, without a limit on their number.

    A text that a spreadsheet would run as a formula, or read as a number, has an apostrophe in front.
    """
    person = person_of(request)
    first, last = _window(start, end)
    found = await database.run(_extents, person, uid, metric, first, last)
    return StreamingHttpResponse(
        await started(_Export(person, uid, found).run()),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{uid}-{datetime.now(UTC):%Y-%m-%d}.csv"',
            "X-Accel-Buffering": "no",  # a proxy that buffers the response would hide its progress
        },
    )


@router.get("/{uid}/readings/extent", response={200: Extents, (401, 404, 422, 503): Problem})
async def show_extent(
    request: HttpRequest,
    uid: str,
    metric: _Metrics,
    start: When = None,
    end: When = None,
) -> dict[str, Any]:
    """The time of the first and of the last reading of each metric that an export with the same parameters holds."""
    first, last = _window(start, end)
    found = await database.run(_extents, person_of(request), uid, metric, first, last)
    return {"items": [{"metric": one.metric, "first": one.first // 1000, "last": one.last // 1000} for one in found]}


@router.post(
    "/{uid}/readings.csv",
    response={200: ImportSummary, (400, 401, 403, 404, 413, 422, 429, 503): Problem},
    openapi_extra=_BODY,
)
async def import_readings(request: HttpRequest, uid: str) -> dict[str, Any]:
    """Stores readings from elsewhere. Needs the role manager.

    Each line is stored or refused by itself, and repeating an import is harmless. Viewers of the device are not
    notified.
    """
    person, body = person_of(request), request.body
    with imports.of(int(person.pk)):
        return await database.run(_import, person, uid, body)


def _extents(person: Person, uid: str, metrics: list[str], start: int, end: int) -> list[Extent]:
    return export.extents(access.device(person, uid), metrics, start, end)


def _import(person: Person, uid: str, body: bytes) -> dict[str, Any]:
    device = access.device(person, uid, Action.MANAGE)
    return importing.store(device, io.BytesIO(body)).as_json()


def _window(start: str | None, end: str | None) -> tuple[int, int]:
    """Without `start` and `end` it covers every reading there can be. Raises `Invalid`."""
    return times.window(start, end, latest=now_us() + FUTURE_US + 1)


class _Export:
    """One export: reads each page when the client has received the one before."""

    def __init__(self, person: Person, uid: str, extents: list[Extent]) -> None:
        self._person = person
        self._uid = uid
        self._extents = extents

    async def run(self) -> AsyncIterator[bytes]:
        """The file, in pieces. Raises `TooMany` at once; any later exception must break off the response."""
        end = "gone"  # of the client, unless one of the others is reached
        with exports.of(int(self._person.pk or 0)):
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
        """The next lines, and the time of the last of them if more may follow."""
        access.device(self._person, self._uid)  # a membership may end during a long export
        rows = export.page(extent, after)
        more = len(rows) == export.PAGE
        return writer.lines(extent.metric, rows), rows[-1][0] if more else None
