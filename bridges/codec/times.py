"""Times as devices and files write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from devices.errors import Refusal

FUTURE_US = 5 * 60 * 1_000_000
"""A time further ahead of ours comes from a clock that is wrong, whatever device it is; imports refuse it. Telemetry
that is ahead by less is judged once its device is known, in `devices.telemetry.clocks`."""

_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_LONG_DIGITS = re.compile(r"[0-9]{16,20}", re.ASCII)
_LAST_MS = 253_402_300_800_000  # the year 10000, where `datetime` ends


def claimed_time(claimed: Any) -> int:
    """Microseconds of a time given as milliseconds since 1970 UTC, also as digits in a string, or as ISO 8601.

    Raises `Refusal("timestamp_invalid")`.
    """
    return read_time(claimed)[0]


def read_time(claimed: Any) -> tuple[int, bool]:
    """The same, and whether it is a local time: ISO 8601 without an offset from UTC, read as if it were UTC."""
    if isinstance(claimed, str):
        if _DIGITS.fullmatch(claimed) and int(claimed) < _LAST_MS:
            return int(claimed) * 1000, False
        return _iso_time(claimed)
    if isinstance(claimed, (int, float)) and not isinstance(claimed, bool) and 0 <= claimed < _LAST_MS:
        return int(claimed * 1000), False
    raise _invalid(claimed)


def _invalid(claimed: Any) -> Refusal:
    detail = claimed.message if isinstance(claimed, Refusal) else ascii(claimed)[:64]
    if isinstance(claimed, str) and _LONG_DIGITS.fullmatch(claimed):
        claimed = int(claimed)
    if isinstance(claimed, int) and _LAST_MS <= claimed < _LAST_MS * 1_000_000:
        unit = "microseconds" if claimed < _LAST_MS * 1000 else "nanoseconds"
        detail += f" looks like {unit}; milliseconds are expected"
    return Refusal("timestamp_invalid", detail)


def _iso_time(text: str) -> tuple[int, bool]:
    try:
        moment = datetime.fromisoformat(text)
        is_local = moment.tzinfo is None
        if is_local:
            moment = moment.replace(tzinfo=UTC)
        span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _invalid(text) from None
    time = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    if time < 0:
        raise _invalid(text)
    return time, is_local
