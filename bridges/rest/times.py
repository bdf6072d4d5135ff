"""Times in query strings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from ninja import Query

from devices.errors import Invalid

When = Annotated[str | None, Query(description="milliseconds since 1970 UTC, or ISO 8601")]

_MILLISECONDS = re.compile(r"[0-9]{1,15}")
_LOST_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(name: str, text: str) -> int:
    """Microseconds of `text`: milliseconds since 1970 UTC, or ISO 8601 (UTC unless it has an offset).

    Raises `Invalid`, which names the parameter.
    """
    if _MILLISECONDS.fullmatch(text):
        return int(text) * 1000
    try:
        # A "+" that was not escaped arrives as a space: "2026-01-01T00:00:00 02:00".
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        span = moment - _EPOCH
    except (ValueError, OverflowError):
        raise Invalid(f"{name} is neither milliseconds since 1970 nor a time in ISO 8601") from None
    if span < timedelta(0):
        raise Invalid(f"{name} is before 1970")
    return span // timedelta(microseconds=1)


def window(start: str | None, end: str | None, *, latest: int, span: int | None = None) -> tuple[int, int]:
    """`(start, end)` in microseconds. Raises `Invalid`.

    Without `end` the window ends at `latest`; without `start` it begins `span` before its end, or in 1970.
    """
    last = latest if end is None else parse("end", end)
    default = 0 if span is None else max(0, last - span)
    first = default if start is None else parse("start", start)
    if first >= last:
        raise Invalid("start must be before end")
    return first, last
