"""Finds parts of a decoded message by their paths, and its time. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bridges.codec.times import read_time
from bridges.sources.mapping.definition import Time
from devices.errors import Refusal

MISSING: Final = object()
_TO_US = {"ms": 1_000.0, "s": 1_000_000.0, "us": 1.0, "ns": 0.001}
_LAST_US = 253_402_300_800_000_000  # the year 10000


def at_path(content: Any, path: str) -> Any:
    """The part at `a.b.0`; a key may contain dots itself. `None` if there is none."""
    found = find(content, path)
    return None if found is MISSING else found


def find(content: Any, path: str) -> Any:
    """The same, with `MISSING` if there is none."""
    if not path:
        return content
    if isinstance(content, dict):
        if path in content:
            return content[path]
        first, _, rest = path.partition(".")
        return find(content.get(first), rest) if rest else MISSING
    if isinstance(content, list):
        first, _, rest = path.partition(".")
        if first.isascii() and first.isdigit() and len(first) < 6 and int(first) < len(content):
            return find(content[int(first)], rest)
    return MISSING


def time_of(content: Any, time: Time | None) -> int | None:
    """Microseconds; `None` if the message has no time, or a local one of an unknown zone. Raises `Refusal`."""
    claimed = at_path(content, time.path) if time is not None else None
    if time is None or claimed is None or claimed == "":
        return None
    if time.form == "iso":
        return _iso(claimed, time.zone)
    try:
        number = int(claimed) if not isinstance(claimed, float) else claimed
        found = number // 1000 if time.form == "ns" and isinstance(number, int) else int(number * _TO_US[time.form])
    except (TypeError, ValueError, OverflowError):
        raise Refusal("timestamp_invalid", ascii(claimed)[:64], time.path) from None
    if isinstance(claimed, bool) or not 0 <= found < _LAST_US:
        raise Refusal("timestamp_invalid", ascii(claimed)[:64], time.path)
    return found


def _iso(claimed: Any, zone: str) -> int | None:
    found, is_local = read_time(claimed)
    if not is_local:
        return found
    if not zone:
        return None
    local = datetime.fromisoformat(claimed).replace(tzinfo=ZoneInfo(zone))
    try:
        return read_time(local.isoformat())[0]
    except OverflowError:
        raise Refusal("timestamp_invalid", ascii(claimed)[:64]) from None
